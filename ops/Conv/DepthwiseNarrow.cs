using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with stride and dilation 1 of maps at most seven pixels wide, as the last stage of a network has them. Of a wide kernel row only the thirteen taps
/// that ever meet an input are packed, and only the 49 products of an output row with an input row are formed; the zeros around a map are never multiplied.
/// </summary>
static unsafe class DepthwiseNarrow
{
    const int ItemPixels = 400;                 // of small images several are one item
    const int FewestItems = 12;

    readonly record struct Plan(DepthwiseArgs Args, int ImagesPerItem, Pointer Work)
    {
        internal Windows Windows => Args.Windows;
        internal int Images => Windows.Batch * Windows.D.In;
    }

    internal static bool Fits(in DepthwiseArgs args) => Math.Max(args.Windows.W.In, args.Windows.W.Out) <= NarrowProducts.Width;

    /// <summary>Multiply-adds for a register of channels of all images, and the loading of a row.</summary>
    internal static double Cost(Windows windows) => (double)windows.Batch * windows.D.In * windows.H.Meetings * NarrowProducts.Width * (NarrowProducts.Width + 1);

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int registers = Workers.Blocks(args.Windows.Channels, V.Count), lines = Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>());
        using Scratch scratch = device.Scratch((long)registers * args.Windows.H.Kernel * NarrowProducts.Taps * V.Count * sizeof(T));
        Plan plan = new(args, Math.Max(1, ItemPixels / Math.Max(1, args.Windows.H.Out * NarrowProducts.Width)), Pointer.At(scratch.As<T>()));
        device.Workers.For(registers, plan, &PackKernel<T, V>);
        device.Workers.For(Workers.Blocks(plan.Images, plan.ImagesPerItem) * lines, plan, &Convolve<T, V>);
    }

    /// <summary>Writes the weight.</summary>
    internal static void WeightGradient<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int lines = Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>()), images = args.Windows.Batch * args.Windows.D.In;
        int each = Math.Max(1, images * lines / FewestItems), parts = Math.Max(1, Workers.Blocks(images, each));
        using Scratch scratch = device.Scratch(KernelParts.Bytes<T>(parts, args));
        Plan plan = new(args, each, Pointer.At(scratch.As<T>()));
        device.Workers.For(lines * parts, plan, &Correlate<T, V>);
        KernelParts.Add<T, V>(device, args, plan.Work, parts);
    }

    /// <summary>The column of the kernel under which an output sees the input <paramref name="at"/> − 6 pixels on; it may not exist.</summary>
    static int Column(Axis w, int at) => at - (NarrowProducts.Width - 1) + w.Padding;

    /// <summary>The kernels of one register of channels, [kernel row, tap].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackKernel<T, V>(in Plan plan, int register) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int c = register * V.Count, lanes = Math.Min(V.Count, channels - c), taps = h.Kernel * w.Kernel;
        T* to = plan.Work.As<T>() + (long)register * h.Kernel * NarrowProducts.Taps * V.Count;
        for (int i = 0; i < h.Kernel; i++)
            for (int at = 0; at < NarrowProducts.Taps; at++, to += V.Count)
            {
                int column = Column(w, at), tap = i * w.Kernel + column;
                V value = (uint)column >= (uint)w.Kernel ? V.Of(0) : Lanes.Read<V, T>(plan.Args.Weight.As<T>() + (long)(plan.Args.Reversed ? taps - 1 - tap : tap) * channels + c, lanes);
                value.Store(to);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Convolve<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>());
        (int n0, int n1) = Workers.Range(item / lines, plan.Images, plan.ImagesPerItem);
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        T* plane = Workers.Local<T>((h.In + 1) * NarrowProducts.Width * V.Count), sums = plane + h.In * NarrowProducts.Width * V.Count;
        for (int n = n0; n < n1; n++)
            for (int c = c0; c < c1; c += V.Count)
            {
                int lanes = Math.Min(V.Count, c1 - c);
                T* kernel = plan.Work.As<T>() + (long)(c / V.Count) * h.Kernel * NarrowProducts.Taps * V.Count, y = plan.Args.Y.As<T>() + (long)n * h.Out * w.Out * channels + c;
                V bias = plan.Args.Bias.IsNull ? V.Of(0) : Lanes.Read<V, T>(plan.Args.Bias.As<T>() + c, lanes);
                Fill<T, V>(plan.Args.X.As<T>() + (long)n * h.In * w.In * channels + c, channels, lanes, plane, h.In, w.In);
                for (int row = 0; row < h.Out; row++)
                {
                    (int begin, int end) = h.Taps(row);
                    NarrowProducts.Convolve<T, V>(sums, kernel + begin * NarrowProducts.Taps * V.Count, plane + (row + begin - h.Padding) * NarrowProducts.Width * V.Count, end - begin);
                    for (int i = 0; i < w.Out; i++, y += channels) Lanes.Write<V, T>(V.Load(sums + i * V.Count) + bias, y, lanes);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Correlate<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>()), part = item / lines, size = h.Kernel * NarrowProducts.Taps * V.Count;
        (int n0, int n1) = Workers.Range(part, plan.Images, plan.ImagesPerItem);
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        T* totals = Workers.Local<T>(size * Workers.Blocks(c1 - c0, V.Count) + (h.In + h.Out) * NarrowProducts.Width * V.Count);
        T* x = totals + size * Workers.Blocks(c1 - c0, V.Count), dy = x + h.In * NarrowProducts.Width * V.Count;
        new Span<T>(totals, (int)(x - totals)).Clear();
        for (int n = n0; n < n1; n++)
            for (int c = c0; c < c1; c += V.Count)
            {
                int lanes = Math.Min(V.Count, c1 - c);
                Fill<T, V>(plan.Args.X.As<T>() + (long)n * h.In * w.In * channels + c, channels, lanes, x, h.In, w.In);
                Fill<T, V>(plan.Args.Y.As<T>() + (long)n * h.Out * w.Out * channels + c, channels, lanes, dy, h.Out, w.Out);
                for (int i = 0; i < h.Kernel; i++)
                {
                    int begin = Math.Max(0, h.Padding - i), rows = Math.Min(h.Out, h.In + h.Padding - i) - begin;
                    if (rows > 0)
                        NarrowProducts.Correlate<T, V>(totals + (c - c0) / V.Count * size + i * NarrowProducts.Taps * V.Count, dy + begin * NarrowProducts.Width * V.Count,
                            x + (begin + i - h.Padding) * NarrowProducts.Width * V.Count, rows);
                }
            }
        for (int c = c0; c < c1; c += V.Count)
        {
            T* to = plan.Work.As<T>() + (long)part * h.Kernel * w.Kernel * channels + c, total = totals + (c - c0) / V.Count * size;
            for (int i = 0; i < h.Kernel; i++, total += NarrowProducts.Taps * V.Count)
                for (int j = 0; j < w.Kernel; j++, to += channels)
                {
                    int at = j - Column(w, 0);
                    Lanes.Write<V, T>((uint)at < NarrowProducts.Taps ? V.Load(total + at * V.Count) : V.Of(0), to, Math.Min(V.Count, c1 - c));
                }
        }
    }

    /// <summary>A register of channels of an image into rows of seven pixels, with zeros for those it has not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Fill<T, V>(T* from, int channels, int lanes, T* to, int high, int wide) where T : unmanaged where V : struct, ILanes<V, T>
    {
        for (int row = 0; row < high; row++)
        {
            for (int i = 0; i < wide; i++, from += channels, to += V.Count) Lanes.Read<V, T>(from, lanes).Store(to);
            for (int i = wide; i < NarrowProducts.Width; i++, to += V.Count) V.Of(0).Store(to);
        }
    }
}
