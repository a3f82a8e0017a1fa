"""Llama training steps in PyTorch over growing sequences, as JSON lines: mini-sequences (Luo et al., arXiv
2407.15892), written anew, and what they are to be compared with.

    python3 bench/peers/torch_llama.py --model llama-1b --out results.jsonl

The presets of Headroom: RMSNorm, rotary positions, heads that share keys, SwiGLU, no biases, fused attention
(scaled_dot_product_attention; in f32, whose fused kernel wants as many keys as queries, keys and values are
repeated), fused AdamW, one sequence of random tokens that lie on the card. In bf16 weights,
gradients and both moments are bf16, and no f32 copy stands behind them: 8 bytes a parameter. Without --length
each row is tried at --from tokens, twice that and so on until it runs out of memory, and then between what fitted
and what did not, until they lie within --within of each other. Of lengths whose step would take longer than --patience,
as attention's square foretells, the longest that would not is tried in their place; --memory makes a smaller card of a larger one, of which
PyTorch's allocator takes segments that grow (expandable_segments), so that it is not fragments that end a search.
Two steps at the first length, or a shorter one, go before each window, so that moments exist in it, and one at its
own length where that is expected to take less than 2 seconds, in proportion to the length. The longest sequence of
a search is timed once more, behind a step at its own length, and told by that.

Forms: plain; every block checkpointed; that, with MLP and head (and its loss) in pieces. The paper cuts both
into pieces by the width d and the vocabulary V: of d tokens in the MLP, V / d of them in the head; its code
takes max(4096 / batch, 1024) tokens in the MLP and 64 pieces in the head. A block is made again as a whole, so
that backward has the MLP's hidden channels of all pieces: "checkpointed pieces" makes those of each piece again
by itself. The head's pieces are each checkpointed. "Block inputs in int8" are kept as saved_tensors.py has it, at
1.03 bytes a value; else they are in the row's arithmetic.

An optimizer "in backward" updates each weight as soon as its gradient is known, which then ends; nothing is
clipped. Else gradients are clipped at norm 1.
"""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from math import ceil, pi

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # read when a card is first used

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend
from torch.utils.checkpoint import checkpoint

from checking import check
from measuring import NOTHING, free, opened, parse, parser_of, positive, timed, turn
from progress import say
from rows import IN_BACKWARD, Row, Subject, Workload, attempt
from saved_tensors import Storage

Write = Callable[[dict], None]


@dataclass(frozen=True)
class Shape:
    """A Llama's sizes. `stretched`: rotary positions as Llama 3.2 has them."""

    layers: int
    width: int
    heads: int
    key_heads: int
    head_size: int
    hidden: int
    vocab: int
    theta: float
    tied: bool
    stretched: bool


MODELS = {
    "llama-nano": Shape(2, 128, 4, 2, 32, 352, 256, 10000, False, False),
    "llama-micro": Shape(4, 256, 8, 2, 32, 704, 256, 10000, False, False),
    "llama-1b": Shape(16, 2048, 32, 8, 64, 8192, 128256, 500000, True, True),
    "llama-3b": Shape(28, 3072, 24, 8, 128, 8192, 128256, 500000, True, True),
    "llama2-7b": Shape(32, 4096, 32, 32, 128, 11008, 32000, 10000, False, False),
    "llama3-8b": Shape(32, 4096, 32, 8, 128, 14336, 128256, 500000, False, False),
}

PAPER = "checkpointed, MLP and head in pieces (paper)"
CODE = "checkpointed, MLP and head in pieces (code)"
TWICE = "checkpointed, MLP and head in checkpointed pieces"
INT8 = f"{TWICE}, block inputs in int8"
FORMS = ["plain", "checkpointed", PAPER, CODE, TWICE]
ROWS = [
    *[Row("bf16", form) for form in FORMS],
    *[Row("bf16", form, optimizer=IN_BACKWARD) for form in [TWICE, INT8]],
    *[Row("f32", form) for form in ["checkpointed", TWICE]],
]


def pieces(form: str, shape: Shape, tokens: int, batch: int = 1) -> tuple[int, int]:
    """Tokens of a piece of the MLP, and of the head."""
    if form == PAPER:
        return shape.width, ceil(tokens / ceil(shape.vocab / shape.width))
    if form in (CODE, TWICE, INT8):
        return max(4096 // batch, 1024), ceil(tokens / 64)
    return tokens, tokens


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        queries, keys = shape.heads * shape.head_size, shape.key_heads * shape.head_size
        linear = lambda inner, outer: nn.Linear(inner, outer, bias=False)  # noqa: E731
        self.norm_1 = nn.RMSNorm(shape.width, eps=1e-5)
        self.q, self.k, self.v = (linear(shape.width, size) for size in (queries, keys, keys))
        self.o = linear(queries, shape.width)
        self.norm_2 = nn.RMSNorm(shape.width, eps=1e-5)
        self.gate, self.up = (linear(shape.width, shape.hidden) for _ in range(2))
        self.down = linear(shape.hidden, shape.width)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor, tokens: int, again: bool) -> Tensor:
        """`tokens` of a piece of the MLP, each checkpointed if `again`."""
        x = x + self.attention(self.norm_1(x), cosines, sines)
        if tokens >= x.shape[1]:
            return x + self.mlp(x)
        parts = x.split(tokens, dim=1)
        made = [checkpoint(self.mlp, part, use_reentrant=False) if again else self.mlp(part) for part in parts]
        return x + torch.cat(made, dim=1)

    def attention(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        q, k, v = (
            linear(x).unflatten(2, (-1, self.shape.head_size)).transpose(1, 2)
            for linear in (self.q, self.k, self.v)
        )
        q, k = turned(q, cosines, sines), turned(k, cosines, sines)
        shared = q.shape[1] // k.shape[1]
        if shared > 1 and q.dtype == torch.float32:
            k, v, shared = k.repeat_interleave(shared, dim=1), v.repeat_interleave(shared, dim=1), 1
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=shared > 1)
        return self.o(o.transpose(1, 2).flatten(2))

    def mlp(self, x: Tensor) -> Tensor:
        x = self.norm_2(x)
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Llama(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.head = self.words if shape.tied else nn.Linear(shape.width, shape.vocab, bias=False)
        for matrix in [parameter for parameter in self.parameters() if parameter.dim() > 1]:
            nn.init.normal_(matrix, std=0.02)

    def loss(self, inputs: Tensor, targets: Tensor, form: str) -> Tensor:
        """The mean loss of a batch of sequences."""
        mlp, head = pieces(form, self.shape, inputs.numel(), len(inputs))
        x = self.words(inputs)
        angles = rotations(self.shape, inputs.shape[1], x)
        told = (*angles, mlp, form in (TWICE, INT8))
        storage = Storage("int8", alone=angles, least=self.shape.width) if form == INT8 else None
        with storage.hooks() if storage else nullcontext():
            for block in self.blocks:
                x = block(x, *told) if form == "plain" else checkpoint(block, x, *told, use_reentrant=False)
        rows, targets = self.norm(x).flatten(0, 1), targets.flatten()
        if head >= len(rows):
            return self.losses(rows, targets) / len(targets)
        parts = zip(rows.split(head), targets.split(head))
        sums = [checkpoint(self.losses, *part, use_reentrant=False) for part in parts]
        return torch.stack(sums).sum() / len(targets)

    def losses(self, rows: Tensor, targets: Tensor) -> Tensor:
        """The sum of the rows' losses, in f32."""
        return F.cross_entropy(F.linear(rows, self.head.weight).float(), targets, reduction="sum")


def rotations(shape: Shape, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of each position's angles, one for each pair of a head's channels."""
    exponents = torch.arange(0, shape.head_size, 2, device=like.device, dtype=torch.float32) / shape.head_size
    frequencies = shape.theta ** -exponents
    if shape.stretched:  # by 32; slow ones turn once in 8192 tokens or less, fast ones four times or more
        kept = ((8192 * frequencies / (2 * pi) - 1) / (4 - 1)).clamp(0, 1)
        frequencies = frequencies * (kept + (1 - kept) / 32)
    angles = torch.arange(length, device=like.device, dtype=torch.float32).outer(frequencies)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def attention_backend(shape: Shape, device: str) -> str:
    """The name of what scaled_dot_product_attention chooses for a model in bf16."""
    like = lambda heads: torch.zeros(  # noqa: E731
        1, heads, 128, shape.head_size, device=device, dtype=torch.bfloat16, requires_grad=True)
    q, k = like(shape.heads), like(shape.key_heads)
    choice = torch._fused_sdp_choice(q, k, k, is_causal=True, enable_gqa=shape.key_heads < shape.heads)
    return SDPBackend(choice).name


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Heads turned by their positions' angles: channel i with channel i + half."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


class Model:
    """A workload whose sequence grows: the weights are made once."""

    def __init__(self, name: str, device: str, short: int) -> None:
        """`short` tokens warm a card up."""
        self.name, self.device, self.short = name, device, short
        self.grow(short)
        torch.manual_seed(0)
        with torch.device(device):
            model = Llama(MODELS[name]).to(torch.bfloat16 if device == "cuda" else torch.float32)

        def loss(form: str) -> Tensor:
            return model.loss(self.tokens[:, :-1], self.tokens[:, 1:], form)

        self.workload = Workload(model, loss, {"lr": 1e-4, "betas": (0.9, 0.95), "weight_decay": 0.1}, clip=1.0)

    def grow(self, length: int) -> None:
        """Sets the sequence's tokens, the same whichever row reads them."""
        generator = torch.Generator().manual_seed(length)
        vocab = MODELS[self.name].vocab
        self.tokens = torch.randint(0, vocab, (1, length + 1), generator=generator).to(self.device)

    def at(self, length: int) -> Subject:
        def build() -> Workload:
            self.grow(length)
            return self.workload

        return Subject(self.name, 1, length, "tokens", build)

    def warm(self, step: Callable[[], Tensor], length: int, whole: bool) -> tuple[Tensor, None, float]:
        """Two steps that are no longer, then the sequence at its length, with a step of it where that is short or `whole`:
        the first one's loss, and what a step may take."""
        short = min(self.short, length)
        self.grow(short)
        first, _ = timed(step, self.device)
        _, seconds = timed(step, self.device)
        self.grow(length)
        expected = seconds * length / short
        if short < length and (whole or expected < 2):
            _, expected = timed(step, self.device)
        return first, None, expected


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--model", choices=MODELS, default="llama-1b")
    parser.add_argument("--length", type=positive(int), nargs="+", metavar="TOKENS",
                        help="only sequences of these lengths")
    parser.add_argument("--from", type=positive(int), default=4096, dest="first", metavar="TOKENS",
                        help="the first length of a search (default 4096)")
    parser.add_argument("--within", type=positive(float), default=0.0625,
                        help="share of a length to which the longest is known (default 0.0625)")
    parser.add_argument("--most", type=positive(int), default=2**30, metavar="TOKENS",
                        help="the longest length that is tried")
    parser.add_argument("--memory", type=positive(float), metavar="GIB",
                        help="memory that PyTorch may take (default: the card's)")
    parser.add_argument("--patience", type=positive(float), default=60, metavar="SECONDS",
                        help="a step's time beyond which no longer sequence is tried (default 60)")
    options = parse(parser, rounds=1)
    if options.memory and options.device != "cuda":
        parser.error("--memory limits a card; leave it out with --device cpu")
    if options.memory:
        _, card = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(min(1.0, options.memory * 2**30 / card))
    rows = [row for row in ROWS if not options.rows or any(text in str(row) for text in options.rows)]
    if not rows:
        parser.error("no row's name holds that text: " + "; ".join(map(str, ROWS)))
    model = Model(options.model, options.device, options.first)
    if options.check:
        return check([model.at(length) for length in options.length or [options.first]], rows, options.device)
    count = len(rows) * len(options.length) if options.length else None
    write = opened(parser, options, count, attention=attention_backend(MODELS[options.model], options.device))
    for row in rows:
        if options.length:
            for length in options.length:
                for record in tried(model, row, length, options, whole=True):
                    write(record)
        else:
            search(model, row, options, write)
    return 0


def search(model: Model, row: Row, options: Namespace, write: Write) -> None:
    """Grows a row's sequence until it runs out of memory, then halves what lies between. Of the longest that fits the record
    is that of another window, unless that one fails."""
    fitted, failed, length, held = None, None, options.first, []

    def put(records: list[dict]) -> None:
        for record in records:
            write(record)

    while length <= options.most:
        records = tried(model, row, length, options)
        failure = failure_of(records)
        if failure and failure["status"] != "oom":
            return put(held + records)
        if failure:
            put(records)
        else:
            put(held)
            held = records
        fitted, failed = (fitted, length) if failure else ((length, seconds_of(records)), failed)
        if fitted is None:  # not even the first
            length //= 2
            if length < 256:
                return
            continue
        longest, took = fitted
        length = 2 * longest if failed is None else (longest + failed) // 2 // 256 * 256
        patient = int(longest * (options.patience / took) ** 0.5) // 256 * 256  # attention's square
        gap = (failed or length) - longest
        if length > patient:
            say(f"{row}: {length} tokens are not tried: a step would take more than {options.patience:.0f} s")
            length, gap = patient, patient - longest
        if length <= longest or gap <= options.within * longest:
            break
    if fitted:
        again = tried(model, row, fitted[0], options, whole=True)
        held = held if failure_of(again) else again
    put(held)


def failure_of(records: list[dict]) -> dict | None:
    """The record that failed, which is the last."""
    return records[-1] if records[-1]["status"] != "ok" else None


def seconds_of(records: list[dict]) -> float:
    return records[-1]["wallMilliseconds"] / records[-1]["steps"] / 1000


def tried(model: Model, row: Row, length: int, options: Namespace, whole: bool = False) -> list[dict]:
    """The records of one length of a row, a round each, up to one that fails. `whole`: behind a step at that length."""
    subject = model.at(length)
    records = []
    for round_ in range(options.rounds):
        free(options.device)
        started = time.perf_counter()
        warm = lambda step: model.warm(step, length, whole)  # noqa: E731
        window, failure = attempt(lambda: turn(model.workload, row, round_, options, warm, least=1))
        records.append({**subject.fields(), **asdict(row), "round": round_, **(window or NOTHING),
                        **(failure or {"status": "ok", "message": None})})
        peak = f", {window['peakBytes'] / 2**30:.1f} GiB" if window and window["peakBytes"] else ""
        told = failure["message"] if failure else f"{length / seconds_of(records):.0f} tokens/s{peak}"
        say(f"{subject}, {row}: {told}; {time.perf_counter() - started:.0f} s")
        if failure:
            break
    return records


if __name__ == "__main__":
    sys.exit(main())
