using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>A way to convolve each channel of x (n, c, h, w) with its own kernel (c, 1, k, k), size kept, and to compute both gradients; k is odd.</summary>
abstract class DepthwiseForm
{
    /// <summary>The forms that differentiate by hand, by name.</summary>
    internal static DepthwiseForm? Of(string name) => name switch
    {
        "three_convolutions" => new ThreeConvolutions(ThreeConvolutions.Weight.Contiguous),
        "three_channels_last" => new ThreeConvolutions(ThreeConvolutions.Weight.ChannelsLast),
        "convolutions_and_fft" => new ThreeConvolutions(ThreeConvolutions.Weight.Transform),
        "fft" => new FourierForm(),
        "toeplitz" => new ToeplitzForm(),
        _ => null,
    };

    internal abstract Tensor Forward(Tensor x, Tensor w);

    internal abstract Tensor InputGradient(Tensor dy, Tensor w);

    internal abstract Tensor WeightGradient(Tensor x, Tensor dy, long size);

    /// <summary>The part of a kernel that meets the map at all: on an h×h map no more than 2h − 1 cells.</summary>
    protected static Tensor Cropped(Tensor w, long extent)
    {
        long cut = Math.Max(0, (w.shape[2] - (2 * extent - 1)) / 2), size = w.shape[2] - 2 * cut;
        if (cut == 0) return w.alias();
        using Tensor rows = w.narrow(2, cut, size);
        return rows.narrow(3, cut, size);
    }

    /// <summary>A cropped gradient among zeros.</summary>
    protected static Tensor Padded(Tensor dw, long size)
    {
        long cut = (size - dw.shape[2]) / 2;
        return cut == 0 ? dw.alias() : F.pad(dw, [cut, cut, cut, cut]);
    }
}

/// <summary>
/// Forward, the input gradient as a convolution with the kernel turned round, and the weight gradient as the convolution of the maps with the gradients as their kernels, a
/// group for each image and channel.
/// </summary>
sealed class ThreeConvolutions(ThreeConvolutions.Weight weight) : DepthwiseForm
{
    readonly FourierForm fourier = new();

    /// <summary>How the weight gradient is computed.</summary>
    internal enum Weight { Contiguous, ChannelsLast, Transform }

    internal override Tensor Forward(Tensor x, Tensor w)
    {
        using Tensor part = Cropped(w, x.shape[2]);
        return Convolve(x, part);
    }

    internal override Tensor InputGradient(Tensor dy, Tensor w)
    {
        using Tensor part = Cropped(w, dy.shape[2]);
        using Tensor turned = part.flip(2, 3);
        return Convolve(dy, turned);
    }

    internal override Tensor WeightGradient(Tensor x, Tensor dy, long size)
    {
        if (weight == Weight.Transform) return fourier.WeightGradient(x, dy, size);
        (long n, long c, long h) = (x.shape[0], x.shape[1], x.shape[2]);
        long part = Math.Min(size, 2 * h - 1);
        using Tensor maps = AsChannels(x, n * c), kernels = AsChannels(dy, n * c), filters = kernels.permute(1, 0, 2, 3);
        using Tensor each = F.conv2d(maps, filters, padding: [part / 2, part / 2], groups: n * c);
        using Tensor split = each.reshape(n, c, part, part), sum = split.sum([0]), dw = sum.reshape(c, 1, part, part);
        return Padded(dw, size);
    }

    static Tensor Convolve(Tensor x, Tensor w) => F.conv2d(x, w, padding: [w.shape[2] / 2, w.shape[2] / 2], groups: x.shape[1]);

    /// <summary>(n, c, h, w) as one image of n·c channels.</summary>
    Tensor AsChannels(Tensor x, long channels)
    {
        long h = x.shape[2];
        if (weight == Weight.Contiguous)
        {
            using Tensor dense = x.contiguous();
            return dense.reshape(1, channels, h, h);
        }
        using Tensor last = x.permute(2, 3, 0, 1), together = last.contiguous(), image = together.reshape(1, h, h, channels);
        return image.permute(0, 3, 1, 2);
    }
}

/// <summary>All three by two-dimensional Fourier transforms, long enough that the lags asked for do not alias: h + k/2 where that has small factors.</summary>
sealed class FourierForm : DepthwiseForm
{
    internal override Tensor Forward(Tensor x, Tensor w)
    {
        using Tensor part = Cropped(w, x.shape[2]);
        long f = Length(x.shape[2], part.shape[2]);
        using Tensor spectrum = Spectrum(x, f), kernel = KernelSpectrum(part, f), turned = kernel.conj(), product = spectrum.mul(turned);
        return Back(product, f, x.shape[2]);
    }

    internal override Tensor InputGradient(Tensor dy, Tensor w)
    {
        using Tensor part = Cropped(w, dy.shape[2]);
        long f = Length(dy.shape[2], part.shape[2]);
        using Tensor spectrum = Spectrum(dy, f), kernel = KernelSpectrum(part, f), product = spectrum.mul(kernel);
        return Back(product, f, dy.shape[2]);
    }

    internal override Tensor WeightGradient(Tensor x, Tensor dy, long size)
    {
        long part = Math.Min(size, 2 * x.shape[2] - 1), f = Length(x.shape[2], part), half = part / 2;
        using Tensor of = Spectrum(x, f), by = Spectrum(dy, f), turned = by.conj(), product = of.mul(turned), sum = product.sum([0]);
        using Tensor lags = fft.irfft2(sum, [f, f]), rolled = lags.roll([half, half], [1, 2]);
        using Tensor rows = rolled.narrow(1, 0, part), cells = rows.narrow(2, 0, part), dw = cells.reshape(x.shape[1], 1, part, part);
        return Padded(dw, size);
    }

    static Tensor Spectrum(Tensor x, long f) => fft.rfft2(x, [f, f]);

    /// <summary>The spectrum of a kernel whose centre lies at the origin.</summary>
    static Tensor KernelSpectrum(Tensor w, long f)
    {
        (long k, long half) = (w.shape[2], w.shape[2] / 2);
        using Tensor padded = F.pad(w, [0, f - k, 0, f - k]), flat = padded.reshape(1, w.shape[0], f, f), centred = flat.roll([-half, -half], [2, 3]);
        return fft.rfft2(centred, [f, f]);
    }

    static Tensor Back(Tensor spectrum, long f, long extent)
    {
        using Tensor y = fft.irfft2(spectrum, [f, f]), rows = y.narrow(2, 0, extent);
        return rows.narrow(3, 0, extent);
    }

    static long Length(long extent, long kernel)
    {
        long f = extent + kernel / 2;
        while (!Smooth(f)) f++;
        return f;
    }

    static bool Smooth(long n)
    {
        foreach (long p in (ReadOnlySpan<long>)[2, 3, 5]) while (n % p == 0) n /= p;
        return n == 1;
    }
}

/// <summary>For small maps: the h²×h² matrix that a kernel is to a map, one for each channel, and batched matrix products.</summary>
sealed class ToeplitzForm : DepthwiseForm
{
    Tensor? index;          // cell of the kernel for each pair of places, the last one for none
    long extent, size;

    internal override Tensor Forward(Tensor x, Tensor w)
    {
        using Tensor matrices = Matrices(w, x.shape[2]), maps = Flat(x), y = maps.bmm(matrices);
        return Unflat(y, x);
    }

    internal override Tensor InputGradient(Tensor dy, Tensor w)
    {
        using Tensor matrices = Matrices(w, dy.shape[2]), turned = matrices.transpose(1, 2), maps = Flat(dy), dx = maps.bmm(turned);
        return Unflat(dx, dy);
    }

    internal override Tensor WeightGradient(Tensor x, Tensor dy, long size)
    {
        Tensor cells = Index(x.shape[2], size);
        using Tensor from = Flat(x), turned = from.transpose(1, 2), to = Flat(dy), pairs = turned.bmm(to), flat = pairs.reshape(x.shape[1], -1), rows = flat.t();
        using Tensor sums = zeros(size * size + 1, x.shape[1]);
        sums.index_add_(0, cells, rows, 1);
        using Tensor kept = sums.narrow(0, 0, size * size), channels = kept.t();
        return channels.reshape(x.shape[1], 1, size, size);
    }

    /// <summary>[c, from, to].</summary>
    Tensor Matrices(Tensor w, long h)
    {
        Tensor cells = Index(h, w.shape[2]);
        using Tensor flat = w.reshape(w.shape[0], -1), padded = F.pad(flat, [0, 1]), picked = padded.index_select(1, cells);
        return picked.reshape(w.shape[0], h * h, h * h);
    }

    Tensor Index(long h, long k)
    {
        if (index is not null && (h, k) == (extent, size)) return index;
        long[] cells = new long[h * h * h * h];
        for (long i = 0; i < cells.Length; i++)
        {
            (long from, long to) = (i / (h * h), i % (h * h));
            (long row, long column) = (from / h - to / h + k / 2, from % h - to % h + k / 2);
            cells[i] = row >= 0 && row < k && column >= 0 && column < k ? row * k + column : k * k;
        }
        (extent, size) = (h, k);
        return index = tensor(cells);
    }

    /// <summary>(n, c, h, w) as [c, n, h·w].</summary>
    static Tensor Flat(Tensor x)
    {
        using Tensor turned = x.transpose(0, 1);
        return turned.reshape(x.shape[1], x.shape[0], -1);
    }

    static Tensor Unflat(Tensor y, Tensor like)
    {
        using Tensor maps = y.reshape(like.shape[1], like.shape[0], like.shape[2], like.shape[3]);
        return maps.transpose(0, 1);
    }
}
