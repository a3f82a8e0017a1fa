"""GPT-2 training steps in PyTorch, as JSON lines; measuring.py says how they are measured.

    python3 bench/peers/torch_gpt2.py --model small --batch 16 --out results.jsonl

The presets micro, mini and small as Headroom builds them: biases, tanh GELU, tied head, no dropout, fused
attention (scaled_dot_product_attention: flash in 16 bits, memory-efficient in f32), AdamW, clipping at norm
1, random tokens that lie on the card.

Forms: plain; that with the loss in chunks of 1024 tokens, each checkpointed, so that the logits of a batch
never exist at once; every block checkpointed, without that and with it; what blocks and the last LayerNorm
save in 8 or 16 bits (saved_tensors.py), with the loss in chunks.
"""

import sys
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from measuring import parse, parser_of, positive, run
from rows import Row, Subject, Workload
from saved_tensors import Storage

# layers, width, heads, vocabulary, tokens of a sequence; of each model two batch sizes
MODELS = {
    "micro": (4, 256, 8, 256, 256),
    "mini": (6, 512, 8, 8192, 512),
    "small": (12, 768, 12, 50257, 1024),
}
BATCHES = [4, 16]
CHUNK = 1024

PLAIN_IN_CHUNKS = "plain, loss in chunks"
IN_CHUNKS = "checkpointed, loss in chunks"
INT8 = "int8, loss in chunks"
HALF = "half, loss in chunks"
ROWS = [
    Row("f32", "plain", optimizer="AdamW"),
    *[Row("f32", form) for form in ["plain", PLAIN_IN_CHUNKS, "checkpointed", IN_CHUNKS, INT8, HALF]],
    *[Row("TF32", form) for form in ["plain", "checkpointed", IN_CHUNKS, INT8]],
    *[Row("bf16 autocast", form) for form in ["plain", PLAIN_IN_CHUNKS, "checkpointed", IN_CHUNKS, INT8]],
    *[Row(arithmetic, "plain", compiled=True) for arithmetic in ["f32", "TF32", "bf16 autocast"]],
    *[Row("bf16 autocast", form, compiled=True) for form in [PLAIN_IN_CHUNKS, IN_CHUNKS]],
]


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.ln_1(x)).split(width, dim=2)
        )
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(o.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers: int, width: int, heads: int, vocab: int, length: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocab, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, tokens: Tensor, checkpointed: bool) -> Tensor:
        """What the head reads: a row for each token."""
        x = self.words(tokens) + self.positions
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if checkpointed else block(x)
        return self.ln(x).flatten(0, 1)

    def loss(self, rows: Tensor, targets: Tensor) -> Tensor:
        """The sum of the rows' losses."""
        return F.cross_entropy(F.linear(rows, self.words.weight), targets, reduction="sum")

    def loss_in_chunks(self, rows: Tensor, targets: Tensor) -> Tensor:
        parts = zip(rows.split(CHUNK), targets.split(CHUNK))
        return torch.stack([checkpoint(self.loss, *part, use_reentrant=False) for part in parts]).sum()


def subject(name: str, batch: int, device: str) -> Subject:
    layers, width, heads, vocab, length = MODELS[name]

    def build() -> Workload:
        torch.manual_seed(0)
        model = Gpt2(layers, width, heads, vocab, length).to(device)
        tokens = torch.randint(0, vocab, (batch, length + 1), device=device)
        targets = tokens[:, 1:].flatten()
        alone, least = list(model.parameters()), batch * length * width
        storages = {kind: Storage(kind, alone, least) for kind in ["int8", "half"]}

        def loss(form: str) -> Tensor:
            storage = storages.get(form.split(",")[0])
            with storage.hooks() if storage else nullcontext():
                rows = model(tokens[:, :-1], "checkpointed" in form)
            total = model.loss_in_chunks(rows, targets) if "chunks" in form else model.loss(rows, targets)
            return total / len(targets)

        return Workload(model, loss, {"lr": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.1}, clip=1.0)

    return Subject(name, batch, length, "tokens", build)


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--model", choices=MODELS, nargs="+", default=list(MODELS))
    parser.add_argument("--batch", type=positive(int), nargs="+", default=BATCHES,
                        help="sequences of a step (default 4 and 16)")
    options = parse(parser)
    subjects = [subject(name, batch, options.device) for name in options.model for batch in options.batch]
    return run(parser, options, subjects, ROWS)


if __name__ == "__main__":
    sys.exit(main())
