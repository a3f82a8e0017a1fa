"""Losses by `transformers`, as JSON, for prove_transformers.ts: of a checkpoint that was written elsewhere, and of
those that are saved from it here.

    python3 bench/testing/transformers_losses.py CHECKPOINT BATCH.json OUT

BATCH.json holds rows of token ids, "inputs" and "targets". Saved under OUT: in f32, bf16 and f16, in shards.
"""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
SHARDS = 3


def loss(folder: Path, batch: dict) -> float:
    """The mean loss of a batch in f32, whatever the checkpoint is kept in."""
    model = AutoModelForCausalLM.from_pretrained(folder).to(torch.float32).eval()
    inputs, targets = (torch.tensor(batch[name]) for name in ("inputs", "targets"))
    with torch.no_grad():
        logits = model(inputs).logits.double()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()


def main() -> None:
    checkpoint, batch_file, out = map(Path, sys.argv[1:])
    batch = json.loads(batch_file.read_text())
    saved = []
    for name, dtype in DTYPES.items():
        model = AutoModelForCausalLM.from_pretrained(checkpoint).to(dtype)
        largest = max(parameter.numel() for parameter in model.parameters()) * dtype.itemsize
        size = sum(parameter.numel() for parameter in model.parameters()) * dtype.itemsize
        folder = out / name
        model.save_pretrained(folder, max_shard_size=max(largest, size // SHARDS))
        files = len(list(folder.glob("*.safetensors")))
        saved.append({"dtype": name, "folder": str(folder), "files": files, "loss": loss(folder, batch)})
    print(json.dumps({"loss": loss(checkpoint, batch), "saved": saved}))


if __name__ == "__main__":
    main()
