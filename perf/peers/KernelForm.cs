using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>
/// A way to draw depthwise DCLS kernels (c, 1, k, k) from weight (c, 1, n), P (2, c, 1, n) and, for Gaussians, SIG of the shape of P. Bilinear kernels take the row from P[0],
/// Gaussian ones from P[1].
/// </summary>
static class KernelForm
{
    const double Guard = 1e-7, NarrowestSigma = 0.27;

    /// <summary>
    /// The published construction: for every cell, axis, channel and tap the distance, then its weight, all at once. The grid is made once, as the published layer does.
    /// </summary>
    internal static Tensor Official(Tensor weight, Tensor position, Tensor? sigma, Tensor grid)
    {
        long k = grid.shape[0];
        using Tensor at = position + (double)(k / 2);
        if (sigma is null) return OfficialBilinear(weight, at, grid);
        using Tensor magnitude = sigma.abs(), width = magnitude + NarrowestSigma, distance = grid - at, scaled = distance / width;
        using Tensor norm = scaled.norm(2, false, 2f), square = norm.pow(2), exponent = -0.5 * square, bump = exponent.exp();
        using Tensor sum = bump.sum([0, 1]), safe = sum + Guard, share = bump / safe, weighted = share * weight, kernel = weighted.sum(-1);
        return kernel.permute(2, 3, 0, 1);
    }

    static Tensor OfficialBilinear(Tensor weight, Tensor at, Tensor grid)
    {
        long k = grid.shape[0];
        using Tensor cell = at.floor(), fraction = at - cell, rest = fraction.expand(k, k, -1, -1, -1, -1);
        using Tensor r1 = rest.select(2, 0), r2 = rest.select(2, 1), p1 = cell.select(0, 0), p2 = cell.select(0, 1), i = grid.select(2, 1), j = grid.select(2, 0);
        using Tensor both = r1 * r2, next1 = p1 + 1, next2 = p2 + 1;
        using Tensor onRow = i == p1, onColumn = j == p2, belowRow = i == next1, besideColumn = j == next2;
        using Tensor w1 = One(onRow, onColumn), w2 = One(onRow, besideColumn), w3 = One(belowRow, onColumn), w4 = One(belowRow, besideColumn);
        using Tensor a = w1 - w2, b = a - w3, cross = b + w4, ab = both * cross, d1 = w3 - w1, ad1 = r1 * d1, d2 = w2 - w1, ad2 = r2 * d2;
        using Tensor s1 = w1 + ab, s2 = s1 + ad1, shares = s2 + ad2, weighted = weight * shares, kernel = weighted.sum(4);
        return kernel.permute(2, 3, 0, 1);

        static Tensor One(Tensor row, Tensor column)
        {
            using Tensor cell = row * column, one = tensor(1f), zero = tensor(0f);
            return where(cell, one, zero);
        }
    }

    /// <summary>The grid of the published construction: (k, k, 2, c, 1, n), column numbers first.</summary>
    internal static Tensor OfficialGrid(long channels, long size, long count)
    {
        using Tensor line = arange(size), columns = line.expand(size, -1), down = line.expand(size, -1), rows = down.t();
        using Tensor both = stack([columns, rows]), all = both.expand(channels, 1, count, -1, -1, -1);
        return all.permute(4, 5, 3, 0, 1, 2);
    }

    /// <summary>Differentiable by libtorch: one profile an axis and tap, multiplied by a batched matrix product.</summary>
    internal static Tensor Separable(Tensor weight, Tensor position, Tensor? sigma, long size)
    {
        (long c, long n) = (weight.shape[0], weight.shape[2]);
        using Tensor line = arange(size, dtype: ScalarType.Float32), at = position + (double)(size / 2), at4 = at.reshape(2, c, n, 1), distance = line - at4;
        using Tensor w = weight.reshape(c, n, 1);
        if (sigma is null)
        {
            using Tensor far = distance.abs(), near = 1 - far, profile = near.relu(), row = profile.select(0, 0), column = profile.select(0, 1);
            return Product(row, column, w);
        }
        using Tensor magnitude = sigma.abs(), width = magnitude + NarrowestSigma, width4 = width.reshape(2, c, n, 1), scaled = distance / width4;
        using Tensor square = scaled.square(), exponent = -0.5 * square, bump = exponent.exp(), rows = bump.select(0, 1), columns = bump.select(0, 0);
        using Tensor sumRows = rows.sum(-1, true), sumColumns = columns.sum(-1, true), sum = sumRows * sumColumns, safe = sum + Guard, share = w / safe;
        return Product(rows, columns, share);

        static Tensor Product(Tensor row, Tensor column, Tensor share)
        {
            using Tensor weighted = row * share, turned = weighted.transpose(1, 2), kernel = turned.bmm(column);
            return kernel.unsqueeze(1);
        }
    }

    /// <summary>
    /// The gradients of weight, P and SIG by the formulas, with two batched products: Gy = G · columns and Gx = Gᵀ · rows give for every tap the sums that all gradients are
    /// made of.
    /// </summary>
    internal static Tensor?[] SeparableGradients(Tensor dKernel, Tensor weight, Tensor position, Tensor? sigma, long size)
    {
        (long c, long n) = (weight.shape[0], weight.shape[2]);
        int rowOf = sigma is null ? 0 : 1;
        using Tensor g = dKernel.reshape(c, size, size), line = arange(size, dtype: ScalarType.Float32), at = position + (double)(size / 2), at4 = at.reshape(2, c, n, 1);
        using Tensor distance = line - at4, w = weight.reshape(c, n, 1);
        using Tensor? width = Width(sigma, c, n);
        using Tensor profile = Profile(distance, width), row = profile.select(0, rowOf), column = profile.select(0, 1 - rowOf);
        using Tensor overRows = row.bmm(g), turned = g.transpose(1, 2), overColumns = column.bmm(turned), products = overRows * column, sums = products.sum(-1, true);
        using Tensor sumRow = row.sum(-1, true), sumColumn = column.sum(-1, true);
        Tensor dWeight;
        Tensor dRow, dColumn;
        if (width is null)
        {
            dWeight = sums.reshape(c, 1, n);
            (dRow, dColumn) = (overColumns * w, overRows * w);
        }
        else
        {
            using Tensor sum = sumRow * sumColumn, safe = sum + Guard, mean = sums / safe, share = w / safe, lessRow = mean * sumColumn, lessColumn = mean * sumRow;
            using Tensor restRow = overColumns - lessRow, restColumn = overRows - lessColumn;
            dWeight = mean.reshape(c, 1, n);
            (dRow, dColumn) = (restRow * share, restColumn * share);
        }
        using Tensor dProfile = rowOf == 0 ? stack([dRow, dColumn]) : stack([dColumn, dRow]);
        dRow.Dispose();
        dColumn.Dispose();
        if (width is null)
        {
            using Tensor side = distance.sign(), inside = profile.sign(), slope = side * inside, moved = dProfile * slope, sum = moved.sum(-1);
            return [dWeight, sum.reshape(2, c, 1, n), null];
        }
        using Tensor bumps = dProfile * profile, variance = width.square(), along = bumps * distance, first = along.sum(-1, true), again = along * distance, second = again.sum(-1, true);
        using Tensor dPosition = first / variance, cubed = variance * width, dWidth = second / cubed, dPosition4 = dPosition.reshape(2, c, 1, n), dWidth4 = dWidth.reshape(2, c, 1, n);
        using Tensor sign = sigma!.sign();
        return [dWeight, dPosition4.alias(), dWidth4 * sign];
    }

    /// <summary>Bilinear kernels by adding four shares a tap into the grid, which has one more row and column for what falls off it.</summary>
    internal static Tensor Scattered(Tensor weight, Tensor position, long size)
    {
        (long c, long n) = (weight.shape[0], weight.shape[2]);
        (Tensor cells, Tensor r0, Tensor r1) = Corners(position, c, n, size);
        using (cells) using (r0) using (r1)
        {
            using Tensor w = weight.reshape(c, n), down = w * r0, up = w - down, downRight = down * r1, downLeft = down - downRight, upRight = up * r1, upLeft = up - upRight;
            using Tensor shares = cat([upLeft, upRight, downLeft, downRight], 1), grid = zeros(c, (size + 1) * (size + 1));
            grid.scatter_add_(1, cells, shares);
            using Tensor square = grid.reshape(c, 1, size + 1, size + 1), rows = square.narrow(2, 0, size), kernel = rows.narrow(3, 0, size);
            return kernel.contiguous();
        }
    }

    /// <summary>The gradients of <see cref="Scattered"/>: the same four cells, gathered.</summary>
    internal static Tensor?[] ScatteredGradients(Tensor dKernel, Tensor weight, Tensor position, long size)
    {
        (long c, long n) = (weight.shape[0], weight.shape[2]);
        (Tensor cells, Tensor r0, Tensor r1) = Corners(position, c, n, size);
        using (cells) using (r0) using (r1)
        {
            using Tensor padded = F.pad(dKernel, [0, 1, 0, 1]), flat = padded.reshape(c, -1), picked = flat.gather(1, cells), four = picked.reshape(c, 4, n), w = weight.reshape(c, n);
            using Tensor upLeft = four.select(1, 0), upRight = four.select(1, 1), downLeft = four.select(1, 2), downRight = four.select(1, 3);
            using Tensor left = downLeft - upLeft, right = downRight - upRight, up = upRight - upLeft, down = downRight - downLeft;
            using Tensor alongRow = lerp(left, right, r1), alongColumn = lerp(up, down, r0), upper = lerp(upLeft, upRight, r1), value = upper.addcmul(r0, alongRow, 1);
            using Tensor dRow = alongRow * w, dColumn = alongColumn * w, both = stack([dRow, dColumn]);
            return [value.reshape(c, 1, n), both.reshape(2, c, 1, n), null];
        }
    }

    /// <summary>Cells of the four neighbours of every tap in a grid of (size + 1)², and the fractions of its position.</summary>
    static (Tensor Cells, Tensor R0, Tensor R1) Corners(Tensor position, long c, long n, long size)
    {
        using Tensor at = position + (double)(size / 2), flat = at.reshape(2, c, n), floor = flat.floor(), fraction = flat - floor, whole = floor.to(ScalarType.Int64);
        using Tensor row = whole.select(0, 0), column = whole.select(0, 1), start = row * (size + 1), first = start + column, second = first + 1, third = first + (size + 1), fourth = third + 1;
        return (cat([first, second, third, fourth], 1), fraction.select(0, 0), fraction.select(0, 1));
    }

    static Tensor? Width(Tensor? sigma, long c, long n)
    {
        if (sigma is null) return null;
        using Tensor magnitude = sigma.abs(), width = magnitude + NarrowestSigma;
        return width.reshape(2, c, n, 1);
    }

    static Tensor Profile(Tensor distance, Tensor? width)
    {
        if (width is null)
        {
            using Tensor far = distance.abs(), near = 1 - far;
            return near.relu();
        }
        using Tensor scaled = distance / width, square = scaled.square(), exponent = -0.5 * square;
        return exponent.exp();
    }
}
