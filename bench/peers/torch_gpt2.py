"""GPT-2 training steps in PyTorch, for comparison: tokens per second and peak memory, as a markdown table.

    python3 bench/peers/torch_gpt2.py [--steps 20] [--model small]

The presets micro, mini and small as Headroom builds them: biases, tanh GELU, tied head, no dropout. Eager f32 with TF32 off and fused attention,
AdamW (PyTorch's default implementation), clipping at norm 1, random tokens that lie on the card. Each is timed twice: with the loss read in
every step, and read once after a window of steps, which is what Headroom does. Memory is torch.cuda.max_memory_allocated, in MiB.

Three forms: as it is; with every block checkpointed (torch.utils.checkpoint); and with the loss in chunks of 1024 tokens besides, each
checkpointed, so that the logits of a batch never exist at once.
"""

import argparse
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

# layers, width, heads, vocabulary, tokens of a sequence, batch sizes
MODELS = {
    "micro": (4, 256, 8, 256, 256, (4, 16)),
    "mini": (6, 512, 8, 8192, 512, (4, 16)),
    "small": (12, 768, 12, 50257, 1024, (4, 16)),
}


FORMS = ("plain", "checkpointed", "checkpointed, loss in chunks")
CHUNK = 1024


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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.ln_1(x)).split(width, dim=2)
        )
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(o.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers: int, width: int, heads: int, vocab: int, length: int, form: str) -> None:
        super().__init__()
        self.form = form
        self.words = nn.Embedding(vocab, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.words(tokens) + self.positions
        for block in self.blocks:
            x = block(x) if self.form == "plain" else checkpoint(block, x, use_reentrant=False)
        rows, targets = self.ln(x).flatten(0, 1), targets.flatten()
        if self.form != "checkpointed, loss in chunks":
            return F.cross_entropy(F.linear(rows, self.words.weight), targets)
        sums = [
            checkpoint(self.chunk_loss, part, wanted, use_reentrant=False)
            for part, wanted in zip(rows.split(CHUNK), targets.split(CHUNK))
        ]
        return torch.stack(sums).sum() / len(targets)

    def chunk_loss(self, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(F.linear(rows, self.words.weight), targets, reduction="sum")


def measure(name: str, batch: int, form: str, steps: int) -> tuple[float, float, float]:
    """Tokens per second with the loss read each step (median step) and once per window, and peak MiB."""
    torch.manual_seed(0)
    layers, width, heads, vocab, length, _ = MODELS[name]
    model = Gpt2(layers, width, heads, vocab, length, form).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    tokens = torch.randint(0, vocab, (batch, length + 1), device="cuda")

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    for _ in range(5):
        step().item()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        step().item()
        times.append(time.perf_counter() - started)
    started = time.perf_counter()
    losses = [step() for _ in range(steps)]
    torch.stack(losses).tolist()
    window = (time.perf_counter() - started) / steps
    peak = torch.cuda.max_memory_allocated() / 2**20
    del model, optimizer, losses
    torch.cuda.empty_cache()
    return batch * length / statistics.median(times), batch * length / window, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--model", choices=MODELS, nargs="*", default=list(MODELS))
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    print("# GPT-2 training steps in PyTorch\n")
    print(f"Made by `python3 {' '.join(sys.argv)}`. Its docstring says what is counted.\n")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, eager f32, {options.steps} steps\n")
    print("| model | tokens | form | tokens/s, loss read each step | tokens/s, read once | peak MiB |")
    print("| :---- | -----: | :--- | ----------------------------: | ------------------: | -------: |")
    for name in options.model:
        *_, length, batches = MODELS[name]
        for batch in batches:
            for form in FORMS:
                each, once, peak = measure(name, batch, form, options.steps)
                row = f"| {name} | {batch} × {length} | {form} | {each:.0f} | {once:.0f} | {peak:.0f} |"
                print(row, flush=True)


if __name__ == "__main__":
    main()
