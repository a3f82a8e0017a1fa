"""DeiT training steps in PyTorch and timm, as JSON lines; measuring.py says how they are measured.

    python3 bench/peers/timm_deit.py --out results.jsonl

AdamW, random images of 224 x 224 that lie on the card, fused attention; f16 autocast goes with a gradient
scaler.

Forms: plain; every block checkpointed; what the whole model saves in 8 bits (saved_tensors.py).
"""

import sys
from contextlib import nullcontext

import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from measuring import parse, parser_of, positive, run
from rows import Row, Subject, Workload
from saved_tensors import Storage

MODELS = ["deit-tiny", "deit-small", "deit-base"]
TOKENS = 197

ROWS = [
    Row("f32", "plain", optimizer="AdamW"),
    *[Row("f32", form) for form in ["plain", "checkpointed", "int8"]],
    *[Row("TF32", form) for form in ["plain", "checkpointed"]],
    *[Row("f16 autocast", form) for form in ["plain", "checkpointed", "int8"]],
    Row("bf16 autocast", "plain"),
    *[Row(arithmetic, "plain", compiled=True) for arithmetic in ["f32", "TF32", "bf16 autocast"]],
]


def subject(name: str, batch: int, device: str) -> Subject:
    def build() -> Workload:
        torch.manual_seed(0)
        model = timm.create_model(f"{name.replace('-', '_')}_patch16_224", num_classes=1000)
        model.to(device).train()
        images = torch.randn(batch, 3, 224, 224, device=device)
        labels = torch.randint(0, 1000, (batch,), device=device)
        int8 = Storage("int8", alone=[*model.parameters(), images], least=batch * TOKENS * model.embed_dim)

        def prepare(form: str) -> None:
            model.set_grad_checkpointing(form == "checkpointed")

        def loss(form: str) -> Tensor:
            with int8.hooks() if form == "int8" else nullcontext():
                logits = model(images)
            return F.cross_entropy(logits, labels, label_smoothing=0.1)

        return Workload(model, loss, {"lr": 1e-3, "weight_decay": 0.05}, prepare=prepare)

    return Subject(name, batch, TOKENS, "images", build)


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--model", choices=MODELS, nargs="+", default=MODELS)
    parser.add_argument("--batch", type=positive(int), nargs="+", default=[128],
                        help="images of a step (default 128)")
    options = parse(parser)
    subjects = [subject(name, batch, options.device) for name in options.model for batch in options.batch]
    return run(parser, options, subjects, ROWS, timm=timm.__version__)


if __name__ == "__main__":
    sys.exit(main())
