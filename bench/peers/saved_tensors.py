"""Saved tensors in fewer bits, as Mesa keeps them, by torch.autograd.graph.saved_tensors_hooks.

Forward is exact; backward reads what was stored. What is stored, of every tensor that autograd saves inside
the hooks:

- left alone: what is not floating, or smaller than `least` values (a LayerNorm's statistics, attention's sums
  of exponentials); parameters, their views and autocast's copies of them; the tensors named as `alone` (the
  batch, which lies on the card anyhow);
- "int8": codes of 8 bits, rounded to nearest, and two f32, the smallest value and the step, for each 256
  values that lie one after another in memory: a part of one token's row, so finer than Mesa's range for each
  head, at 1.03 bytes a value;
- "half": f16 of what is f32. (Values beyond 65 504 become infinite.)

What several operators save is stored once: saved tensors that cover the same stretch of one storage share
what was made of the first.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional as F

GROUP = 256


@dataclass
class Codes:
    """Values in 8 bits: one row of `codes` for each group, padded to whole groups."""

    codes: Tensor
    low: Tensor
    step: Tensor
    dtype: torch.dtype

    @staticmethod
    def of(flat: Tensor) -> "Codes":
        padding = -flat.numel() % GROUP
        groups = (F.pad(flat, (0, padding)) if padding else flat).view(-1, GROUP)
        low, high = (end.float() for end in torch.aminmax(groups, dim=1, keepdim=True))
        # At least what f32 resolves at these values, so that a constant group's codes are in 0 … 255, too.
        resolved = torch.maximum(low.abs(), high.abs()) * 2**-20
        step = torch.maximum((high - low) / 255, resolved).clamp_min_(1e-30)
        # One pass; the half makes of the conversion, which truncates, a rounding to nearest.
        codes = torch.addcmul(0.5 - low / step, groups, 1 / step).to(torch.uint8)
        return Codes(codes, low, step, flat.dtype)

    def values(self) -> Tensor:
        return torch.addcmul(self.low, self.codes, self.step).to(self.dtype)


@dataclass
class Halves:
    """Values of f32 in f16."""

    halves: Tensor

    @staticmethod
    def of(flat: Tensor) -> "Halves":
        return Halves(flat.half())

    def values(self) -> Tensor:
        return self.halves.float()


@dataclass
class Saved:
    """What autograd keeps in place of a tensor."""

    stored: Codes | Halves
    shape: torch.Size
    stride: tuple[int, ...]


class Storage:
    """Keeps what autograd saves inside `hooks()` as `kind`, which is "int8" or "half"."""

    def __init__(self, kind: str, alone: Iterable[Tensor], least: int) -> None:
        self.make = {"int8": Codes.of, "half": Halves.of}[kind]
        wider = {"int8": {torch.float32, torch.float16, torch.bfloat16}, "half": {torch.float32}}
        self.dtypes = wider[kind]
        self.alone = {StorageWeakRef(tensor.untyped_storage()) for tensor in alone}
        self.least = least
        self.stored: dict[tuple, Codes | Halves] = {}

    @contextmanager
    def hooks(self) -> Iterator[None]:
        try:
            with torch.autograd.graph.saved_tensors_hooks(self.pack, self.unpack):
                yield
        finally:
            self.stored.clear()  # from here on only the graph holds them, and backward frees them one by one

    def pack(self, tensor: Tensor) -> Tensor | Saved:
        # A weak reference keeps the identity, not the bytes: what later lies at that address is another one.
        storage = StorageWeakRef(tensor.untyped_storage())
        small = tensor.dtype not in self.dtypes or tensor.numel() < self.least
        if small or storage in self.alone or of_one_parameter(tensor):
            return tensor
        shape, stride, start = tensor.shape, tensor.stride(), tensor.storage_offset()
        if is_dense(tensor):  # whatever its shape
            flat, place = tensor.as_strided((tensor.numel(),), (1,), start), (start, tensor.numel())
        else:
            flat, place = tensor.reshape(-1), (start, shape, stride)
            stride = torch.empty(shape, device="meta").stride()
        key = (storage, tensor._version, place)
        if key not in self.stored:
            self.stored[key] = self.make(flat)
        return Saved(self.stored[key], shape, stride)

    def unpack(self, saved: Tensor | Saved) -> Tensor:
        if isinstance(saved, Tensor):
            return saved
        return saved.stored.values().as_strided(saved.shape, saved.stride, 0)


def is_dense(tensor: Tensor) -> bool:
    """Whether the tensor's values, in whatever order, fill one stretch of memory."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride()))
    return last + 1 == tensor.numel()


def of_one_parameter(tensor: Tensor) -> bool:
    """Whether a tensor is made of one parameter alone: its transpose, or autocast's copy of it."""
    node = tensor.grad_fn
    while node is not None and len(node.next_functions) == 1:
        node = node.next_functions[0][0]
    return type(node).__name__ == "AccumulateGrad"
