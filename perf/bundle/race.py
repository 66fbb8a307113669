"""Training steps and single operations in PyTorch, for comparison with those of MiniTorch.Dcls on the same GPU; a line of JSON for each way of writing them.

Networks (race_networks.py) are ConvNeXt-T, with depthwise or with DCLS convolutions, and ConvFormer-S18. "official" is written as published: channels-first maps, kernels drawn layer by layer from every cell against
every tap. "best" is the fastest writing known: channels-last maps, kernels of all blocks of a stage drawn at once by one batched product of separable profiles, a fused optimizer; "compiled" is best
under torch.compile. A step is forward, smoothed cross-entropy, backward, AdamW, and the clamping of positions.
Operations (race_kernels.py) are named as dcls bench ops names them.
"""

import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from race_kernels import KERNELS, check_kernel, measure_kernel
from race_networks import DCLS, build, check


def measure(name, way, precision, batch, side, device, steps, warm):
    """Median, shortest and longest step in ms, and the peak of memory in MB."""
    cuda, best = device.type == "cuda", way != "official"
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    model = build(name, best).to(device).train()
    images, labels = torch.randn(batch, 3, side, side, device=device), torch.randint(1000, (batch,), device=device)
    if best:
        model, images = model.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    trained = [p for p in model.parameters() if p.requires_grad]
    fast = {"fused": True} if best and cuda else {}
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.05, **fast)
    forward = torch.compile(model) if way == "compiled" else model
    wait = torch.cuda.synchronize if cuda else (lambda: None)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(forward(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        model.constrain()

    for _ in range(warm):
        step()
    wait()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        wait()
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times), min(times), max(times), torch.cuda.max_memory_allocated() / 1e6 if cuda else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=[*DCLS, "convformer_s18"], nargs="?")
    parser.add_argument("precision", choices=["float32", "tf32", "bf16"], nargs="?")
    parser.add_argument("--ways", nargs="+", choices=["official", "best", "compiled"], default=["official", "best", "compiled"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="to try this program out")
    parser.add_argument("--check", action="store_true", help="compare the writings of every network on the CPU instead")
    parser.add_argument("--kernels", nargs="+", metavar="WORK", help="measure these operations instead, such as 'dw_fwd N128 C96 H56 k17', in the precision of --in")
    parser.add_argument("--in", dest="kind", choices=["float32", "tf32", "bf16"], default="float32")
    parser.add_argument("--probe", action="store_true", help="say whether there is a GPU")
    given = parser.parse_args()
    if given.probe:
        print(json.dumps({"torch": torch.__version__, "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None}))
        return 0 if torch.cuda.is_available() else 1
    if given.check:
        return 0 if all([*[check(name) for name in [*DCLS, "convformer_s18"]], *[check_kernel(name, shape) for name, shape in KERNELS]]) else 1
    if given.kernels:
        for work in given.kernels:
            for row in measure_kernel(*work.split(" ", 1), given.kind, torch.device("cpu" if given.cpu else "cuda")):
                print(json.dumps(row), flush=True)
        return 0
    if given.precision is None:
        parser.error("a model and a precision are wanted")
    device = torch.device("cpu" if given.cpu else "cuda")
    for way in given.ways:
        row = {"model": given.model, "way": way, "precision": given.precision, "batch": given.batch, "torch": torch.__version__}
        try:
            middle, least, most, peak = measure(given.model, way, given.precision, given.batch, given.side, device, given.steps, given.warm)
            row |= {"median_ms": round(middle, 3), "min_ms": round(least, 3), "max_ms": round(most, 3), "images_per_second": round(1e3 * given.batch / middle, 1), "peak_mb": peak and round(peak, 1)}
        except Exception as e:  # one that fails, such as for want of memory or of a compiler, must not end the others
            row |= {"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]}
        print(json.dumps(row), flush=True)
        if not given.cpu:
            torch.cuda.empty_cache()
    return 0


sys.exit(main())
