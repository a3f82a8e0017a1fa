"""Measures rows of PyTorch training steps in rounds, as JSON lines, for the scripts beside it.

A row is an arithmetic, a form and an optimizer, eager or compiled. The rows of a subject (a model at a batch
size) take turns, once a round, every other round backwards. Each turn begins with the same weights and a new
optimizer, warms up, and then times a window of steps: by CUDA events around each step, and by the wall clock
around all of them with the losses read once at their end. Peak memory is torch.cuda.max_memory_allocated over
the window. A processor has no events, and nothing there counts the bytes: both are null.

A compiled row is torch.compile's default mode over the loss, with static shapes; its first step, which
compiles, is told apart. A row that runs out of memory or fails is recorded with what it said, and has no
further turns.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict

import torch
from torch import Tensor, nn

from checking import check
from environment import header
from progress import Progress, say
from rows import IN_BACKWARD, Row, Subject, Workload, attempt, set_up

# What a card needs for its clock to be up. In later rounds it still is: only caches have to fill again.
FIRST_STEPS, FIRST_SECONDS = 5, 0.5
LATER_STEPS = 2
LEAST_STEPS = 3


def parser_of(description: str) -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=description, formatter_class=layout)


def parse(parser: argparse.ArgumentParser, rounds: int = 5) -> argparse.Namespace:
    """Parses the command line with the options that all scripts have, and refuses what cannot run."""
    parser.add_argument("--steps", type=positive(int), default=10, help="most steps of a window (default 10)")
    parser.add_argument("--seconds", type=positive(float), default=0.5,
                        help="most time of a window, of which the fewest steps are always taken (default 0.5)")
    parser.add_argument("--rounds", type=positive(int), default=rounds,
                        help=f"turns of each row (default {rounds})")
    parser.add_argument("--rows", nargs="+", metavar="TEXT", help="only rows whose names hold such a text")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--out", metavar="FILE", help="the file for the records (default: standard output)")
    parser.add_argument("--check", action="store_true",
                        help="measure nothing: compare each row's loss and gradient with the plain form's")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("no CUDA device answers; --device cpu takes the processor, whose times tell of no card")
    return options


def positive(kind: type) -> Callable[[str], float]:
    def value(text: str) -> float:
        number = kind(text)
        if not 0 < number < float("inf"):
            raise ValueError
        return number

    value.__name__ = f"positive {kind.__name__}"  # argparse names it in its error
    return value


def run(parser: argparse.ArgumentParser, options: argparse.Namespace, subjects: list[Subject],
        rows: list[Row], **versions: str) -> int:
    """Measures, or checks, the chosen rows of every subject. Returns the exit code."""
    if options.device == "cpu":
        rows = [row for row in rows if row.arithmetic != "TF32"]  # a processor's f32 has none
    chosen = [row for row in rows if not options.rows or any(text in str(row) for text in options.rows)]
    if not chosen:
        parser.error("no row's name holds that text: " + "; ".join(map(str, rows)))
    say(f"{len(subjects)} × {len(chosen)} rows, {options.rounds} rounds of at most {options.steps} steps")
    for row in chosen:
        say(f"  {row}")
    if options.check:
        return check(subjects, chosen, options.device)
    write = opened(parser, options, len(subjects) * len(chosen), **versions)
    progress = Progress(len(subjects), len(chosen), options.rounds)
    for subject in subjects:
        measure(subject, chosen, options, write, progress)
    return 0


def opened(parser: argparse.ArgumentParser, options: argparse.Namespace, rows: int | None,
           **versions: str) -> Callable[[dict], None]:
    """Opens the file of the records and writes its header; returns what writes a line. `rows` are those that
    are planned, where that is known."""
    try:
        out = open(options.out, "w", encoding="utf-8") if options.out else sys.stdout
    except OSError as error:
        parser.error(f"cannot write {options.out}: {error.strerror}; choose another --out")
    sys.stdout = sys.stderr  # what libraries print is no record

    def write(line: dict) -> None:
        print(json.dumps(line, ensure_ascii=False), file=out, flush=True)

    write(header(options.device, rows, options.rounds, **versions))
    return write


def measure(subject: Subject, rows: list[Row], options: argparse.Namespace,
            write: Callable[[dict], None], progress: Progress) -> None:
    """Writes a record for each row and round of one subject."""
    torch._dynamo.reset()  # of what was compiled for the subject before, nothing is of use
    free(options.device)
    workload, broken = attempt(subject.build)
    failed: set[Row] = set()
    for round_ in range(options.rounds):
        for row in rows if round_ % 2 == 0 else reversed(rows):
            if row in failed:
                progress.skip()
                continue
            started = time.perf_counter()
            free(options.device)
            window, failure = None, broken
            if not broken:
                window, failure = attempt(lambda: turn(workload, row, round_, options))
            if failure:
                failed.add(row)
            write({**subject.fields(), **asdict(row), "round": round_, **(window or NOTHING),
                   **(failure or {"status": "ok", "message": None})})
            progress.done(f"{subject}, {row}", time.perf_counter() - started, window, failure)


NOTHING = {"steps": 0, "wallMilliseconds": None, "gpuMilliseconds": None, "peakBytes": None,
           "compileSeconds": None, "firstLoss": None, "loss": None}


def turn(workload: Workload, row: Row, round_: int, options: argparse.Namespace,
         warm: Callable[[Callable], tuple] | None = None, least: int = LEAST_STEPS) -> dict:
    """One window of a row, of at least so many steps. `warm` takes steps before it: see `warmed`."""
    device = options.device
    step = stepper(workload, row, device)
    first, compiling, last = warm(step) if warm else warmed(step, round_, device)
    count = min(options.steps, max(least, int(options.seconds / last)))

    on_card = device == "cuda"
    if on_card:
        torch.cuda.reset_peak_memory_stats()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)] if on_card else []
    losses = [first]
    begun = time.perf_counter()
    for index in range(count):
        if on_card:
            marks[index].record()
        losses.append(step())
    if on_card:
        marks[count].record()
    values = torch.stack(losses).tolist()
    wall = time.perf_counter() - begun
    return {
        "steps": count,
        "wallMilliseconds": 1000 * wall,
        "gpuMilliseconds": [a.elapsed_time(b) for a, b in zip(marks, marks[1:])] if on_card else None,
        "peakBytes": torch.cuda.max_memory_allocated() if on_card else None,
        "compileSeconds": compiling if row.compiled and round_ == 0 else None,
        "firstLoss": finite(values[0]),
        "loss": finite(values[-1]),
    }


def warmed(step: Callable[[], Tensor], round_: int, device: str) -> tuple[Tensor, float, float]:
    """Steps until a card's clock is up: the first one's loss and seconds, and the last one's seconds."""
    steps, seconds = (FIRST_STEPS, FIRST_SECONDS) if round_ == 0 else (LATER_STEPS, 0)
    first, compiling = timed(step, device)
    taken, begun = 1, time.perf_counter()
    while taken < steps or time.perf_counter() - begun < seconds:
        _, last = timed(step, device)
        taken += 1
    return first, compiling, last


def stepper(workload: Workload, row: Row, device: str) -> Callable[[], Tensor]:
    """A training step of a row, with a new optimizer; it returns the loss and does not wait for it."""
    model, dtype = workload.model, set_up(workload, row)
    if row.optimizer == IN_BACKWARD:
        return updating_in_backward(workload, row.form)
    fused = {"fused": True} if row.optimizer == "fused AdamW" else {}
    optimizer = torch.optim.AdamW(model.parameters(), **workload.adamw, **fused)
    scaler = torch.amp.GradScaler(device, enabled=dtype is torch.float16)
    loss_of = workload.compiled if row.compiled else workload.loss

    def step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype) if dtype else nullcontext():
            loss = loss_of(row.form)
        scaler.scale(loss).backward()
        if workload.clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), workload.clip)
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return step


def updating_in_backward(workload: Workload, form: str) -> Callable[[], Tensor]:
    """The same without clipping, each weight updated as soon as its gradient is known, which then ends."""
    for parameter in workload.model.parameters():
        optimizer = torch.optim.AdamW([parameter], fused=True, **workload.adamw)

        def update(parameter: Tensor, optimizer: torch.optim.Optimizer = optimizer) -> None:
            optimizer.step()
            parameter.grad = None

        workload.hooks.append(parameter.register_post_accumulate_grad_hook(update))

    def step() -> Tensor:
        loss = workload.loss(form)
        loss.backward()
        return loss.detach()

    return step


def timed(step: Callable[[], Tensor], device: str) -> tuple[Tensor, float]:
    """A step and its seconds, waited for."""
    begun = time.perf_counter()
    loss = step()
    if device == "cuda":
        torch.cuda.synchronize()
    return loss, time.perf_counter() - begun


def finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def free(device: str) -> None:
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
