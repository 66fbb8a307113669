"""The networks of the race in PyTorch: ConvNeXt-T, with depthwise or with DCLS convolutions, and ConvFormer-S18, as published and in the fastest writing known."""

import torch
import torch.nn as nn
import torch.nn.functional as F

DCLS = {"convnext_tiny": None, "convnext_dcls_tiny": ("v0", 17, 34), "convnext_dcls_gauss_tiny": ("gauss", 23, 26)}
NARROWEST, GUARD = 0.27, 1e-7


class DropPath(nn.Module):
    """Leaves out the branch of some samples and scales that of the others."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        keep = torch.rand((x.shape[0],) + (1,) * (x.dim() - 1), device=x.device, dtype=x.dtype) >= self.rate
        return x * keep / (1 - self.rate)


def draw_published(version, size, weight, position, sigma, grid):
    """A kernel (c, 1, size, size) of weight (c, 1, n) and position (2, c, 1, n): each cell looks at each tap."""
    at = position + size // 2
    if version == "gauss":
        width = sigma.abs() + NARROWEST
        bump = (-0.5 * ((grid - at) / width).norm(2, dim=2).pow(2)).exp()
        share = bump / (bump.sum((0, 1)) + GUARD)
        return (share * weight).sum(-1).permute(2, 3, 0, 1)
    cell = at.floor()
    rest = (at - cell).expand(size, size, -1, -1, -1, -1)
    rest1, rest2 = rest.select(2, 0), rest.select(2, 1)
    row, column = grid.select(2, 1), grid.select(2, 0)
    one, zero = torch.ones((), device=weight.device), torch.zeros((), device=weight.device)
    upper_left = torch.where((row == cell[0]) * (column == cell[1]), one, zero)
    upper_right = torch.where((row == cell[0]) * (column == cell[1] + 1), one, zero)
    lower_left = torch.where((row == cell[0] + 1) * (column == cell[1]), one, zero)
    lower_right = torch.where((row == cell[0] + 1) * (column == cell[1] + 1), one, zero)
    share = upper_left + rest1 * rest2 * (upper_left - upper_right - lower_left + lower_right) + rest1 * (lower_left - upper_left) + rest2 * (upper_right - upper_left)
    return (weight * share).sum(-1).permute(2, 3, 0, 1)


def draw_separable(version, size, weights, position, sigma):
    """The kernels of all layers that share positions, (layers, c, 1, size, size), of weights (layers, c, n)."""
    channels, taps = weights.shape[1:]
    line = torch.arange(size, device=weights.device, dtype=torch.float32)
    distance = line - (position + size // 2).reshape(2, channels, taps, 1)
    if version == "gauss":
        profile = (-0.5 * (distance / (sigma.abs() + NARROWEST).reshape(2, channels, taps, 1)).square()).exp()
        rows, columns = profile[1], profile[0]
        weights = weights / (rows.sum(-1) * columns.sum(-1) + GUARD)
    else:
        profile = (1 - distance.abs()).relu()
        rows, columns = profile[0], profile[1]
    left = (weights.unsqueeze(-1) * rows).transpose(-1, -2)
    return (left @ columns.expand(weights.shape[0], -1, -1, -1)).unsqueeze(2)


class Block(nn.Module):
    """A block of ConvNeXt; its kernel is its own or is given."""

    def __init__(self, width, rate, dcls, best):
        super().__init__()
        self.dcls, self.best = dcls, best
        if dcls is None:
            self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        else:
            self.weight = nn.Parameter(torch.randn(width, 1, dcls[2]) * 0.05)
            self.bias = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(1e-6 * torch.ones(width))
        self.drop = DropPath(rate)

    def forward(self, x, kernel=None):
        y = self.dwconv(x) if kernel is None else F.conv2d(x, kernel.to(x.dtype), self.bias.to(x.dtype), padding=self.dcls[1] // 2, groups=x.shape[1])
        y = self.pwconv2(F.gelu(self.pwconv1(self.norm(y.permute(0, 2, 3, 1)))))
        return x + self.drop((self.gamma * y).permute(0, 3, 1, 2))


class Norm2d(nn.LayerNorm):
    """Layer norm over the channels of (n, c, h, w): as published, or through channels-last memory."""

    def __init__(self, width, best):
        super().__init__(width, eps=1e-6)
        self.best = best

    def forward(self, x):
        if self.best:
            return F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        return self.weight[:, None, None] * ((x - mean) / torch.sqrt(variance + self.eps)) + self.bias[:, None, None]


class ConvNeXt(nn.Module):
    """ConvNeXt-T; with DCLS the blocks of a stage share their positions."""

    def __init__(self, dcls, best, depths=(3, 3, 9, 3), dims=(96, 192, 384, 768), rate=0.1):
        super().__init__()
        self.dcls, self.best = dcls, best
        self.downs, self.stages = nn.ModuleList(), nn.ModuleList()
        self.positions, self.sigmas = nn.ParameterList(), nn.ParameterList()
        block, total = 0, sum(depths)
        for stage, (depth, width) in enumerate(zip(depths, dims)):
            self.downs.append(nn.Sequential(nn.Conv2d(3, width, 4, 4), Norm2d(width, best)) if stage == 0 else nn.Sequential(Norm2d(dims[stage - 1], best), nn.Conv2d(dims[stage - 1], width, 2, 2)))
            self.stages.append(nn.ModuleList(Block(width, rate * (block + i) / (total - 1), dcls, best) for i in range(depth)))
            block += depth
            if dcls is None:
                continue
            version, size, taps = dcls
            self.positions.append(nn.Parameter((torch.rand(2, width, 1, taps) * 2 - 1) * (size // 2 - 0.5)))
            self.sigmas.append(nn.Parameter(0.23 + 0.5 * torch.rand(2, width, 1, taps), requires_grad=version == "gauss"))
            if not best:
                line = torch.arange(size)
                both = torch.stack([line.expand(size, -1), line.expand(size, -1).t()])
                self.register_buffer(f"grid{stage}", both.expand(width, 1, taps, -1, -1, -1).permute(4, 5, 3, 0, 1, 2), persistent=False)
        self.norm, self.head = nn.LayerNorm(dims[-1], eps=1e-6), nn.Linear(dims[-1], 1000)

    def kernels(self, stage):
        """The kernels of a stage's blocks, in float32 whatever the rest computes in."""
        blocks = self.stages[stage]
        if self.dcls is None:
            return [None] * len(blocks)
        version, size, _ = self.dcls
        with torch.autocast(self.head.weight.device.type, enabled=False):
            if not self.best:
                return [draw_published(version, size, b.weight, self.positions[stage], self.sigmas[stage], getattr(self, f"grid{stage}")) for b in blocks]
            return draw_separable(version, size, torch.stack([b.weight.squeeze(1) for b in blocks]), self.positions[stage], self.sigmas[stage]).unbind(0)

    def forward(self, x):
        for stage, (down, blocks) in enumerate(zip(self.downs, self.stages)):
            x = down(x)
            for block, kernel in zip(blocks, self.kernels(stage)):
                x = block(x, kernel)
        return self.head(self.norm(x.mean((2, 3))))

    @torch.no_grad()
    def constrain(self):
        """Brings positions back into the window."""
        for position in self.positions:
            position.clamp_(-(self.dcls[1] // 2), self.dcls[1] // 2)


class StarReLU(nn.Module):
    """scale * relu(x)^2 + bias."""

    def __init__(self):
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.scale * F.relu(x) ** 2 + self.bias


class PlainNorm(nn.LayerNorm):
    """Layer norm without a bias."""

    def __init__(self, width):
        super().__init__(width, eps=1e-6)
        self.bias = None


class FormerBlock(nn.Module):
    """A block of ConvFormer, on maps (n, h, w, c)."""

    def __init__(self, width, rate, scaled):
        super().__init__()
        self.norm1, self.norm2 = PlainNorm(width), PlainNorm(width)
        self.expand, self.project = nn.Linear(width, 2 * width, bias=False), nn.Linear(2 * width, width, bias=False)
        self.star1, self.star2 = StarReLU(), StarReLU()
        self.dwconv = nn.Conv2d(2 * width, 2 * width, 7, padding=3, groups=2 * width, bias=False)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)
        self.scale1 = nn.Parameter(torch.ones(width)) if scaled else None
        self.scale2 = nn.Parameter(torch.ones(width)) if scaled else None
        self.drop = DropPath(rate)

    def forward(self, x):
        y = self.star1(self.expand(self.norm1(x)))
        y = self.project(self.dwconv(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        x = (x if self.scale1 is None else x * self.scale1) + self.drop(y)
        y = self.fc2(self.star2(self.fc1(self.norm2(x))))
        return (x if self.scale2 is None else x * self.scale2) + self.drop(y)


class ConvFormer(nn.Module):
    """ConvFormer-S18."""

    def __init__(self, best, depths=(3, 3, 9, 3), dims=(64, 128, 320, 512), rate=0.2):
        super().__init__()
        self.best = best
        self.norms, self.convs, self.stages = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        block, total = 0, sum(depths)
        for stage, (depth, width) in enumerate(zip(depths, dims)):
            self.norms.append(PlainNorm(width if stage == 0 else dims[stage - 1]))
            self.convs.append(nn.Conv2d(3, width, 7, 4, 2) if stage == 0 else nn.Conv2d(dims[stage - 1], width, 3, 2, 1))
            self.stages.append(nn.Sequential(*(FormerBlock(width, rate * (block + i) / (total - 1), stage > 1) for i in range(depth))))
            block += depth
        last = dims[-1]
        self.norm, self.fc1, self.head_norm, self.fc2 = nn.LayerNorm(last, eps=1e-6), nn.Linear(last, 4 * last), nn.LayerNorm(4 * last), nn.Linear(4 * last, 1000)

    def forward(self, x):
        for stage, (norm, conv, blocks) in enumerate(zip(self.norms, self.convs, self.stages)):
            x = norm(conv(x).permute(0, 2, 3, 1)) if stage == 0 else conv(norm(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            x = blocks(x)
        return self.fc2(self.head_norm(F.relu(self.fc1(self.norm(x.mean((1, 2))))) ** 2))

    def constrain(self):
        """Nothing is bounded."""


def build(name, best):
    """A network by its name."""
    return ConvFormer(best) if name == "convformer_s18" else ConvNeXt(DCLS[name], best)


def check(name):
    """The two ways of drawing agree, kernels and gradients."""
    torch.manual_seed(1)
    official, best = build(name, False).eval(), build(name, True).eval()
    best.load_state_dict(official.state_dict())
    x = torch.randn(2, 3, 64, 64)
    a, b = official(x), best(x)
    a.square().mean().backward()
    b.square().mean().backward()
    worst = (a - b).abs().max() / a.abs().max()
    for (key, p), q in zip(official.named_parameters(), best.parameters()):
        if p.grad is not None and p.grad.abs().max() > 1e-9:
            error = (p.grad - q.grad).abs().max() / p.grad.abs().max()
            worst = max(worst, error)
    print(json.dumps({"model": name, "check": float(worst)}))
    return worst < 1e-3
