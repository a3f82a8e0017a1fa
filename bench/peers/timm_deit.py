"""DeiT training steps in PyTorch and timm, for comparison: images per second and peak memory, as a markdown table.

    python3 bench/peers/timm_deit.py [--batch 128] [--steps 20]

AdamW, random images of 224 x 224 that lie on the card, fused attention, TF32 off; f32, and f16 autocast with a gradient scaler, each with
and without checkpointing of every block. Memory is torch.cuda.max_memory_allocated over the timed steps, in MiB; the loss is read each step.
"""

import argparse
import statistics
import sys
import time

import timm
import torch

MODELS = ["deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224"]


def measure(name: str, half: bool, checkpoint: bool, batch: int, steps: int) -> tuple[float, float]:
    """Images per second (median step) and peak MiB of one configuration."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=1000).cuda().train()
    model.set_grad_checkpointing(checkpoint)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    scaler = torch.amp.GradScaler("cuda", enabled=half)
    images = torch.randn(batch, 3, 224, 224, device="cuda")
    labels = torch.randint(0, 1000, (batch,), device="cuda")

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.float16, enabled=half):
            loss = torch.nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loss.item()

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated() / 2**20
    del model, optimizer, images
    torch.cuda.empty_cache()
    return batch / statistics.median(times), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    print("# DeiT training steps in PyTorch and timm\n")
    print(f"Made by `python3 {' '.join(sys.argv)}`. Its docstring says what is counted.\n")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, timm {timm.__version__}, batch {options.batch}\n")
    print("| model | arithmetic | checkpointing | images/s | peak MiB |")
    print("| :---- | :--------- | :------------ | -------: | -------: |")
    for name in MODELS:
        for half in (False, True):
            for checkpoint in (False, True):
                speed, peak = measure(name, half, checkpoint, options.batch, options.steps)
                arithmetic = "f16 autocast" if half else "f32"
                print(f"| {name} | {arithmetic} | {'every block' if checkpoint else 'none'} | {speed:.0f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
