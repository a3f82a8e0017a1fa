"""Whether every row computes the same: loss and gradient of one step, against the plain form's."""

from contextlib import nullcontext

import torch
from torch import Tensor

from progress import say
from rows import Row, Subject, Workload, attempt, set_up

# Largest relative difference to the plain, eager form in the same arithmetic: of the loss, and of the
# gradient by norm. Every form's forward is the same, so that only the order of roundings may differ; storage
# in fewer bits shows in the gradient alone.
LOSS_TOLERANCE = {"f32": 1e-5, "TF32": 1e-3, "bf16": 1e-2, "f16 autocast": 1e-2, "bf16 autocast": 1e-2}
GRADIENT_TOLERANCE = {"f32": 1e-4, "TF32": 1e-2, "bf16": 5e-2, "f16 autocast": 5e-2, "bf16 autocast": 5e-2}
STORAGE_TOLERANCE = {"half": 5e-3, "int8": 2e-2}


def check(subjects: list[Subject], rows: list[Row], device: str) -> int:
    """Compares loss and gradient of one step of each row with the plain form's. Returns the exit code."""
    wrong = 0
    for subject in subjects:
        torch._dynamo.reset()
        workload = subject.build()
        for row in rows:
            good, told = compare(workload, row, device)
            wrong += not good
            say(f"{'ok    ' if good else 'WRONG '}{subject}, {row}: {told}")
    say(f"{wrong} rows compute something else than the plain form" if wrong else "all rows compute the same")
    return 1 if wrong else 0


def compare(workload: Workload, row: Row, device: str) -> tuple[bool, str]:
    """Whether a row computes what the plain form does, and what was found."""
    plain_loss, plain_gradient = gradient_of(workload, Row(row.arithmetic, "plain"), device)
    found, failure = attempt(lambda: gradient_of(workload, row, device))
    if failure:
        return False, failure["message"]
    loss, gradient = found
    loss_error = abs(loss - plain_loss) / abs(plain_loss)
    gradient_error = float((gradient - plain_gradient).norm() / plain_gradient.norm())
    storage = sum(tolerance for kind, tolerance in STORAGE_TOLERANCE.items() if kind in row.form)
    good = (loss_error <= LOSS_TOLERANCE[row.arithmetic]
            and gradient_error <= GRADIENT_TOLERANCE[row.arithmetic] + storage)
    return good, f"loss {loss:.6f}, relative difference {loss_error:.1e}; gradient's {gradient_error:.1e}"


def gradient_of(workload: Workload, row: Row, device: str) -> tuple[float, Tensor]:
    """Loss and whole gradient at the initial weights."""
    dtype = set_up(workload, row)
    scale = 2.0**14 if dtype is torch.float16 else 1.0
    with torch.autocast(device, dtype) if dtype else nullcontext():
        loss = (workload.compiled if row.compiled else workload.loss)(row.form)
    (loss * scale).backward()
    gradients = [parameter.grad.flatten() / scale for parameter in workload.model.parameters()]
    return loss.item(), torch.cat(gradients)
