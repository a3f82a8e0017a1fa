"""What is measured: rows, each an arithmetic, a form and an optimizer, of subjects, each a model at a batch
size."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

AUTOCAST = {"f32": None, "TF32": None, "bf16": None,
            "f16 autocast": torch.float16, "bf16 autocast": torch.bfloat16}
# What weights are in; else in f32.
WEIGHTS = {"bf16": torch.bfloat16}
# An optimizer that updates each weight as soon as its gradient is known.
IN_BACKWARD = "fused AdamW in backward"


@dataclass(frozen=True)
class Row:
    """What is measured; `form` is a word of the subject's."""

    arithmetic: str
    form: str
    compiled: bool = False
    optimizer: str = "fused AdamW"

    def __str__(self) -> str:
        return ", ".join([self.arithmetic, self.form, *["compiled"] * self.compiled, self.optimizer])


@dataclass
class Workload:
    """A model on the device, its loss on one batch in a form, and how it is trained.

    `prepare` sets the model to a form before the first step.
    """

    model: nn.Module
    loss: Callable[[str], Tensor]
    adamw: dict
    clip: float | None = None
    prepare: Callable[[str], None] = lambda form: None
    compiled: Callable[[str], Tensor] = field(init=False)
    initial: list[Tensor] = field(init=False)
    hooks: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compiled = torch.compile(self.loss, dynamic=False)
        self.initial = [parameter.detach().to("cpu", copy=True) for parameter in self.model.parameters()]

    def restore(self) -> None:
        """Sets the initial weights, without gradients, and ends what an optimizer in backward hung on them."""
        while self.hooks:
            self.hooks.pop().remove()
        with torch.no_grad():
            for parameter, initial in zip(self.model.parameters(), self.initial):
                parameter.copy_(initial)
                parameter.grad = None


@dataclass
class Subject:
    """A model at a batch size. `unit` is what its speed counts: "tokens" or "images"."""

    model: str
    batch: int
    sequence: int
    unit: str
    build: Callable[[], Workload]

    def fields(self) -> dict:
        return {"model": self.model, "batch": self.batch, "sequence": self.sequence, "unit": self.unit}

    def __str__(self) -> str:
        return f"{self.model} {self.batch} × {self.sequence}"


def set_up(workload: Workload, row: Row) -> torch.dtype | None:
    """Sets a row's initial weights, form and arithmetic. Returns the type of its autocast, or null."""
    workload.model.to(WEIGHTS.get(row.arithmetic, torch.float32))
    workload.restore()
    workload.prepare(row.form)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = row.arithmetic == "TF32"
    return AUTOCAST[row.arithmetic]


def attempt(action: Callable):
    """What an action returns, and null; or null, and the status and message of its failure."""
    try:
        return action(), None
    except Exception as error:  # a compiler or a driver throws anything; other rows may still run
        full = isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)
        message = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return None, {"status": "oom" if full else "error", "message": message}
