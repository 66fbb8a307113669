"""Single operations in PyTorch, each in the form in which it is published and in all that could be faster; gradients where the name says so.

A form is a function of the leaves, which it takes in a layout of its own; layouts are made before the clock runs. Times are those of CUDA events, the second-level cache overwritten before each
repetition; nothing is waited for between repetitions, so that the host can be ahead.
"""

import json
import statistics
import time

import torch
import torch.nn.functional as F

from race_networks import draw_published, draw_separable

# What --check compares: all kinds of work, small.
KERNELS = [("dw_fwd", "N2 C6 H12 k17"), ("dw_fwdbwd", "N2 C6 H7 k17"), ("dw_fwdbwd", "N2 C6 H16 k7"), ("construct_v0_fwdbwd", "C5 k17 n34"), ("construct_gauss_fwdbwd", "C5 k23 n26"),
           ("layer_norm_fwdbwd", "2x5x5x96"), ("gelu_fwdbwd", "2x5x5x12"), ("linear_gelu_fwdbwd", "50x12x48")]
WARM, FEWEST, MOST, ENOUGH = 5, 7, 200, 1.0
LARGEST_PRODUCT = 14        # side of the maps whose whole convolution is tried as one product for each channel


class Work:
    """Leaves, the seed of the gradients, and forms: a name, the leaves in the form's layout, and the function of them."""

    def __init__(self, leaves, seed, forms):
        self.leaves, self.seed, self.forms = leaves, seed, forms


def numbers(shape):
    """The sizes of "N8 C96 H56 k17" by letter, those of "8x56x56x96" in order."""
    return {part[0]: int(part[1:]) for part in shape.split()} if " " in shape else [int(n) for n in shape.split("x")]


def depthwise(shape, device, dtype):
    s = numbers(shape)
    n, c, h, k = s["N"], s["C"], s["H"], s["k"]
    x, w = torch.randn(n, c, h, h, device=device, dtype=dtype), 0.1 * torch.randn(c, 1, k, k, device=device, dtype=dtype)
    last = lambda t: t.contiguous(memory_format=torch.channels_last)
    direct = lambda a, b: F.conv2d(a, b, padding=k // 2, groups=c)
    forms = [("official", [x, w], direct), ("channels_last", [last(x), w], direct)]
    if dtype == torch.float32:
        side = h + k // 2 + 1

        def spectrum(a, b):
            whole = torch.fft.rfft2(a, (side, side)) * torch.fft.rfft2(b.squeeze(1), (side, side)).conj()
            return torch.roll(torch.fft.irfft2(whole, (side, side)), (k // 2, k // 2), (-2, -1))[..., :h, :h]

        forms.append(("fft", [x, w], spectrum))
    if h <= LARGEST_PRODUCT:
        line = torch.arange(h, device=device)
        offset = line[:, None] - line[None, :] + k // 2          # of input i for output o
        inside = (offset >= 0) & (offset < k)
        offset = offset.clamp(0, k - 1)
        cell = (offset[:, None, :, None] * k + offset[None, :, None, :]).reshape(-1)
        met = (inside[:, None, :, None] & inside[None, :, None, :]).reshape(h * h, h * h).to(dtype)

        def product(a, b):
            matrix = b.reshape(c, k * k).index_select(1, cell).reshape(c, h * h, h * h) * met
            return (a.reshape(n, c, h * h).transpose(0, 1) @ matrix).transpose(0, 1).reshape(n, c, h, h)

        forms.append(("product", [x, w], product))
    return Work([x, w], torch.randn_like(x), forms)


def construct(version, shape, device):
    s = numbers(shape)
    c, k, n = s["C"], s["k"], s["n"]
    weight, position = torch.randn(c, 1, n, device=device), (torch.rand(2, c, 1, n, device=device) * 2 - 1) * (k // 2)
    leaves = [weight, position] + ([torch.rand(2, c, 1, n, device=device) * 2 - 1] if version == "gauss" else [])
    line = torch.arange(k, device=device)
    grid = torch.stack([line.expand(k, -1), line.expand(k, -1).t()]).expand(c, 1, n, -1, -1, -1).permute(4, 5, 3, 0, 1, 2)
    published = lambda w, p, *g: draw_published(version, k, w, p, *(g or [None]), grid)
    separable = lambda w, p, *g: draw_separable(version, k, w.transpose(0, 1), p, *(g or [None])).squeeze(0)
    return Work(leaves, torch.randn(c, 1, k, k, device=device), [("official", leaves, published), ("separable", leaves, separable)])


def rows(name, shape, device, dtype):
    s = numbers(shape)
    if name == "linear_gelu":
        x, w, b = torch.randn(s[0], s[1], device=device, dtype=dtype), 0.1 * torch.randn(s[2], s[1], device=device, dtype=dtype), torch.randn(s[2], device=device, dtype=dtype)
        return Work([x, w, b], torch.randn(s[0], s[2], device=device, dtype=dtype), [("official", [x, w, b], lambda x, w, b: F.gelu(F.linear(x, w, b)))])
    x = torch.randn(*s, device=device, dtype=dtype)
    if name == "gelu":
        return Work([x], torch.randn_like(x), [("official", [x], F.gelu)])
    gamma, beta = torch.randn(s[-1], device=device, dtype=dtype), torch.randn(s[-1], device=device, dtype=dtype)
    return Work([x, gamma, beta], torch.randn_like(x), [("official", [x, gamma, beta], lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b, 1e-6))])


def make(name, shape, device, dtype):
    """The work of a name as dcls bench ops has them, and whether gradients belong to it. DCLS kernels are float32 whatever the rest is."""
    kind, _, passes = name.rpartition("_")
    torch.manual_seed(0)
    if kind == "dw":
        made = depthwise(shape, device, dtype)
    elif kind.startswith("construct_"):
        made = construct(kind.split("_")[1], shape, device)
    elif kind in ("layer_norm", "gelu", "linear_gelu"):
        made = rows(kind, shape, device, dtype)
    else:
        raise ValueError(f"there is no operation {name}")
    return made, passes == "fwdbwd"


def once(function, leaves, seed, backward):
    """The result, and the gradients of all leaves."""
    if not backward:
        with torch.no_grad():
            return function(*leaves), ()
    y = function(*leaves)
    return y, torch.autograd.grad(y, leaves, seed)


def leaves_of(leaves, backward):
    return [t.detach().requires_grad_(backward) for t in leaves]


def timed(function, leaves, seed, backward, device):
    """ms of each repetition."""
    run = lambda: once(function, leaves, seed, backward)
    if device.type != "cuda":
        begin = time.perf_counter()
        run()
        return [1e3 * (time.perf_counter() - begin)]
    for _ in range(WARM):
        run()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    run()
    torch.cuda.synchronize()
    count = int(min(MOST, max(FEWEST, ENOUGH / (time.perf_counter() - begin))))
    cache = torch.empty(128 << 20, dtype=torch.int8, device=device)
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)]
    for first, last in marks:
        cache.zero_()
        first.record()
        run()
        last.record()
    torch.cuda.synchronize()
    return [first.elapsed_time(last) for first, last in marks]


def measure_kernel(name, shape, precision, device):
    """A row for each form, and for each under torch.compile. What fails says why and ends no other."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    try:
        work, backward = make(name, shape, device, torch.bfloat16 if precision == "bf16" else torch.float32)
        ways = [(form, leaves, function) for form, leaves, function in work.forms]
        if hasattr(torch, "compile") and not name.startswith("dw_"):        # a convolution alone stays the library's
            ways += [(f"{form}, compiled", leaves, torch.compile(function)) for form, leaves, function in work.forms]
    except Exception as e:  # such as for want of memory
        yield {"kernel": name, "shape": shape, "precision": precision, "way": "official", "error": f"{type(e).__name__}: {e}".splitlines()[0][:300]}
        return
    for form, leaves, function in ways:
        row = {"kernel": name, "shape": shape, "precision": precision, "way": form}
        try:
            seed = work.seed.contiguous(memory_format=torch.channels_last) if form == "channels_last" else work.seed
            times = timed(function, leaves_of(leaves, backward), seed, backward, device)
            row |= {"median_ms": round(statistics.median(times), 5), "min_ms": round(min(times), 5), "max_ms": round(max(times), 5)}
        except Exception as e:  # such as for want of memory, of a compiler, or of the operation in this type
            row |= {"error": f"{type(e).__name__}: {e}".splitlines()[0][:300]}
        yield row
        if device.type == "cuda":
            torch.cuda.empty_cache()


def check_kernel(name, shape):
    """All forms agree with the official one, results and gradients."""
    torch.manual_seed(0)
    work, backward = make(name, shape, torch.device("cpu"), torch.float32)
    expected, worst = None, 0.0
    for form, leaves, function in work.forms:
        y, gradients = once(function, leaves_of(leaves, backward), work.seed, backward)
        found = [y, *gradients]
        expected = expected or found
        worst = max([worst, *[float((a - b).abs().max() / a.abs().max()) for a, b in zip(expected, found)]])
    print(json.dumps({"kernel": name, "shape": shape, "forms": [form for form, _, _ in work.forms], "check": worst}))
    return worst < 1e-3
