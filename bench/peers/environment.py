"""The first line of a peers' file: the command, the machine and the versions."""

import datetime
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import torch

PROJECT = Path(__file__).resolve().parents[2]


def header(device: str, rows: int | None, rounds: int, **versions: str) -> dict:
    """The header of a run on `device`, of so many rows, if that is known; `versions` are those of further
    packages, by name, and what else is to be known."""
    script = Path(sys.argv[0]).resolve().relative_to(PROJECT)
    return {
        "schema": 3,
        "kind": "peers",
        "command": shlex.join(["python3", str(script), *sys.argv[1:]]),
        "started": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **({} if rows is None else {"planned": {"rows": rows, "rounds": rounds}}),
        "environment": {
            "adapter": torch.cuda.get_device_name() if device == "cuda" else f"the processor, {processor()}",
            "adapterClass": "gpu" if device == "cuda" else "software",
            "driver": driver() if device == "cuda" else None,
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": str(torch.backends.cudnn.version()) if device == "cuda" else None,
            "allocator": os.environ.get("PYTORCH_CUDA_ALLOC_CONF") if device == "cuda" else None,
            **versions,
            "python": platform.python_version(),
            "os": f"{platform.system().lower()} {platform.release()} {platform.machine()}",
            "cpu": processor(),
            **version(),
        },
    }


def version() -> dict:
    """The commit, told by HEADROOM_COMMIT or git, and whether tracked files differ from it; else null."""
    told = os.environ.get("HEADROOM_COMMIT")
    if told:
        return {"commit": told, "dirty": None}
    commit = output("git", "rev-parse", "HEAD") if (PROJECT / ".git").exists() else None
    changes = output("git", "status", "--porcelain", "--untracked-files=no") if commit else None
    return {"commit": commit, "dirty": None if changes is None else changes != ""}


def driver() -> str | None:
    """The version of NVIDIA's driver; null where it cannot be asked."""
    versions = output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return versions.splitlines()[0] if versions else None


def processor() -> str:
    """The processor's model, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def output(*command: str) -> str | None:
    """What a program prints in the project's folder; null if it is missing or fails."""
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
