using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <remarks>
/// The gradient of the kernel: for each frequency and kernel row Σ over output rows and pairs of conj(X) · dY, whose inverse transform has in its real part what both strips of
/// a pair give. (To take the spectra of dy once for both gradients was tried: the second set of planes leaves the second-level cache, and nothing was gained.)
/// </remarks>
static unsafe partial class DepthwiseRows
{
    /// <summary>Writes the weight.</summary>
    internal static void WeightGradient<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Plan plan = Prepare(args);
        int points = plan.Dft.Length, lines = Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>()), fault = 0;
        int each = Math.Max(1, plan.Pairs * lines / FewestItems), parts = Math.Max(1, Workers.Blocks(plan.Pairs, each));
        long roots = Dft.RootElements(points);
        using Scratch scratch = device.Scratch(roots * sizeof(T) + KernelParts.Bytes<T>(parts, args));
        plan = plan with { Dft = Dft.OfLength(points, scratch.As<T>()), Parts = parts, Work = Pointer.At(scratch.As<T>() + roots), Fault = Pointer.At(&fault) };
        device.Workers.For(lines * parts, plan, &Correlate<T, V>);
        if (fault != 0) DepthwiseDirect.WeightGradient<T, V>(device, args);
        else KernelParts.Add<T, V>(device, args, plan.Work, parts);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Correlate<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels, int points, int tile) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels, plan.Dft.Length, plan.KernelTile);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>()), part = item / lines;
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int first = (int)((long)part * plan.Pairs / plan.Parts), last = (int)((part + 1L) * plan.Pairs / plan.Parts);
        int taps = Workers.Blocks(h.Kernel, tile) * tile, registers = Workers.Blocks(c1 - c0, V.Count);
        nint point = 2 * V.Count, row = (points + 1) * point;
        nint plane = Math.Max(plan.Rows + h.Kernel - 1, 1) * row, strip = (plan.Rows + taps - 1) * V.Count, slopeStrip = plan.Rows * V.Count, sums = 3 * taps * V.Count;
        T* x = Workers.Local<T>(plane + plan.Rows * row + 3 * strip + 3 * slopeStrip + registers * points * sums);
        T* dy = x + plane, columns = dy + plan.Rows * row, slopes = columns + 3 * strip, totals = slopes + 3 * slopeStrip, rescale = stackalloc T[2 * V.Count];
        new Span<T>(totals, (int)(registers * points * sums)).Clear();
        for (int p = first; p < last; p++)
        {
            Pair pair = plan.Pair(p);
            new Span<T>(columns, (int)(3 * strip)).Clear();
            for (int g = 0; g < registers; g++)
            {
                int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
                Transform<T, V, Unwatched>(plan, pair, new(plan.Args.X, h.In, w.In, -h.Padding, pair.Begin, pair.End), c, lanes, null, x, row, null);
                Transform<T, V, Unwatched>(plan, pair, new(plan.Args.Y, h.Out, w.Out, 0, 0, plan.Rows), c, lanes, null, dy, row, null);
                T* total = totals + g * points * sums;
                for (int f = 0; f < points; f++, total += sums)
                {
                    GatherConjugate<T, V>(x + f * point, row, pair.End - pair.Begin, columns + pair.Begin * V.Count, strip);
                    GatherSlopes<T, V>(dy + f * point, row, plan.Rows, slopes, slopeStrip);
                    for (int i = 0; i < h.Kernel; i += tile)
                    {
                        int begin = Math.Max(0, pair.Begin - i - tile + 1), count = Math.Min(plan.Rows, pair.End - i) - begin;
                        if (count <= 0) continue;
                        T* at = total + i * V.Count, k = slopes + begin * V.Count, of = columns + (begin + i) * V.Count;
                        Fir.Run<T, V>(tile, at, at, V.Count, k, of, count);
                        Fir.Run<T, V>(tile, at + taps * V.Count, at + taps * V.Count, V.Count, k + slopeStrip, of + strip, count);
                        Fir.Run<T, V>(tile, at + 2 * taps * V.Count, at + 2 * taps * V.Count, V.Count, k + 2 * slopeStrip, of + 2 * strip, count);
                    }
                }
            }
        }
        V odd = V.Of(0), scale = V.Of(1.0 / points);
        for (int i = 0; i < h.Kernel; i++)
            for (int g = 0; g < registers; g++)
            {
                int c = c0 + g * V.Count, lanes = Math.Min(V.Count, c1 - c);
                T* total = totals + g * points * sums + i * V.Count;
                for (int f = 0; f < points; f++, total += sums)
                {
                    V shared = V.Load(total);
                    (shared + V.Load(total + 2 * taps * V.Count)).Store(x + f * point);
                    (shared + V.Load(total + taps * V.Count)).Store(x + f * point + V.Count);
                }
                plan.Dft.Inverse<T, V, Points<T, V>>(x, new(x));
                odd += V.Load(x) - V.Load(x);
                for (int j = 0; j < w.Kernel; j++)
                {
                    int lag = w.Padding - j;
                    V value = lag < plan.FirstLag || lag > plan.LastLag ? V.Of(0) : V.Load(x + (lag < 0 ? lag + points : lag) * point) * scale;
                    Lanes.Write<V, T>(value, plan.Work.As<T>() + (((long)part * h.Kernel + i) * w.Kernel + j) * channels + c, lanes);
                }
            }
        if (!T.IsFinite(odd.Sum())) *plan.Fault.As<int>() = 1;
    }

    /// <summary>A column of the conjugate of x as three strips: sum, real parts, and the negative of its imaginary parts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GatherConjugate<T, V>(T* z, nint row, int rows, T* to, nint strip) where T : unmanaged where V : struct, ILanes<V, T>
    {
        for (; rows > 0; rows--, z += row, to += V.Count)
        {
            V re = V.Load(z), im = V.Load(z + V.Count);
            (re - im).Store(to);
            re.Store(to + strip);
            im.Store(to + 2 * strip);
        }
    }

    /// <summary>A column of dy as the three factors c, d − c and c + d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void GatherSlopes<T, V>(T* z, nint row, int rows, T* to, nint strip) where T : unmanaged where V : struct, ILanes<V, T>
    {
        for (; rows > 0; rows--, z += row, to += V.Count)
        {
            V re = V.Load(z), im = V.Load(z + V.Count);
            re.Store(to);
            (im - re).Store(to + strip);
            (re + im).Store(to + 2 * strip);
        }
    }
}
