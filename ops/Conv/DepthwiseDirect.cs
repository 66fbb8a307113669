using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with stride and dilation 1. A register of channels of an image is copied, row by row as they are needed, into a dense plane with a frame of zeros left and right; a tile
/// of neighbouring outputs then stays in registers (<see cref="Fir"/>) while the kernel runs over it. Rows and columns of the kernel that meet only padding are
/// skipped. The weight gradient is the same filter: a row of dy takes the kernel's part, and neighbouring taps are the outputs.
/// </summary>
static unsafe class DepthwiseDirect
{
    const int ItemOutputs = 784;                // of small images several are one item
    const int FewestItems = 16;
    const double OperandCost = 1.5;             // measured

    /// <summary>Work is the packed kernel of a convolution, or what the parts of the images give to the gradient of the kernel.</summary>
    readonly record struct Plan(DepthwiseArgs Args, Pointer Work, int Tile, int Parts)
    {
        internal Windows Windows => Args.Windows;
        internal int Images => Windows.Batch * Windows.D.In;
        internal int ImagesPerItem => Math.Max(1, ItemOutputs / Math.Max(1, Windows.H.Out * Windows.W.Out));
        internal int KernelSize => Windows.H.Kernel * Windows.W.Kernel;
    }

    /// <summary>Multiply-adds for a register of channels of all images, and what loading the operands of each row of them costs besides.</summary>
    internal static double Cost(Windows windows)
    {
        (Axis h, Axis w, int tile) = (windows.H, windows.W, Fir.Tile(windows.W.Out));
        double row = 0;
        for (int left = 0; left < w.Out; left += tile)
            row += tile * (OperandCost + Math.Max(0, Math.Min(w.Kernel, w.In + w.Padding - left) - Math.Max(0, w.Padding - left - tile + 1)));
        return (double)windows.Batch * windows.D.In * h.Meetings * row;
    }

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int registers = Workers.Blocks(args.Windows.Channels, V.Count);
        Plan plan = new(args, default, Fir.Tile(args.Windows.W.Out), 1);
        using Scratch scratch = device.Scratch((long)registers * plan.KernelSize * V.Count * sizeof(T));
        plan = plan with { Work = Pointer.At(scratch.As<T>()) };
        device.Workers.For(registers, plan, &PackKernel<T, V>);
        device.Workers.For(Workers.Blocks(plan.Images, plan.ImagesPerItem) * Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>()), plan, &Convolve<T, V>);
    }

    /// <summary>The kernels of one register of channels, next to each other: [taps, register].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackKernel<T, V>(in Plan plan, int register) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int size = plan.KernelSize, channels = plan.Windows.Channels, c = register * V.Count, wide = Math.Min(V.Count, channels - c);
        T* from = plan.Args.Weight.As<T>() + c, to = plan.Work.As<T>() + (long)register * size * V.Count;
        for (int i = 0; i < size; i++, to += V.Count) Lanes.Read<V, T>(from + (long)(plan.Args.Reversed ? size - 1 - i : i) * channels, wide).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Convolve<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>()), tile = plan.Tile;
        (int n0, int n1) = Workers.Range(item / lines, plan.Images, plan.ImagesPerItem);
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int across = Math.Max(Workers.Blocks(w.Out, tile) * tile + w.Kernel - 1, w.In + w.Padding);
        T* plane = Workers.Local<T>((long)h.In * across * V.Count), sums = stackalloc T[Fir.Largest * V.Count], bias = stackalloc T[Fir.Largest * V.Count];
        bool stream = plan.Args.Streams<T, V>();
        Frame<T, V>(plane, h.In, w.In, w.Padding, across);
        for (int n = n0; n < n1; n++)
            for (int c = c0; c < c1; c += V.Count)
            {
                int wide = Math.Min(V.Count, c1 - c);
                T* kernel = plan.Work.As<T>() + (long)(c / V.Count) * plan.KernelSize * V.Count;
                V each = plan.Args.Bias.IsNull ? V.Of(0) : Lanes.Read<V, T>(plan.Args.Bias.As<T>() + c, wide);
                for (int q = 0; q < tile; q++) each.Store(bias + q * V.Count);
                T* x = plan.Args.X.As<T>() + (long)n * h.In * w.In * channels + c, y = plan.Args.Y.As<T>() + (long)n * h.Out * w.Out * channels + c;
                int filled = 0;
                for (int row = 0; row < h.Out; row++)
                {
                    filled = Fill<T, V>(x, channels, wide, plane + w.Padding * V.Count, filled, Math.Min(h.In, row + h.Kernel - h.Padding), w.In, across);
                    T* next = x + (long)filled * w.In * channels;
                    int i0 = Math.Max(0, h.Padding - row), i1 = Math.Min(h.Kernel, h.In + h.Padding - row);
                    for (int left = 0; left < w.Out; left += tile)
                    {
                        if (!stream) CacheLine.Prefetch(y, channels, tile);
                        if (filled < h.In) CacheLine.Prefetch(next + (long)left * channels, channels, Math.Min(tile, w.In - left));
                        int j0 = Math.Max(0, w.Padding - left - tile + 1), j1 = Math.Min(w.Kernel, w.In + w.Padding - left);
                        int wanted = Math.Min(tile, w.Out - left);
                        bool direct = wanted == tile && wide == V.Count && !stream;
                        Fir.Run<T, V>(tile, bias, direct ? y : sums, direct ? channels : V.Count, kernel + (i0 * w.Kernel + j0) * V.Count, w.Kernel * V.Count,
                            plane + ((long)(row + i0 - h.Padding) * across + left + j0) * V.Count, across * V.Count, i1 - i0, j1 - j0);
                        if (stream)
                            for (int q = 0; q < wanted; q++) V.Load(sums + q * V.Count).Stream(y + (nint)q * channels);
                        else if (!direct)
                            for (int q = 0; q < wanted; q++) Lanes.Write<V, T>(V.Load(sums + q * V.Count), y + (nint)q * channels, wide);
                        y += (nint)wanted * channels;
                    }
                }
            }
    }

    /// <summary>Writes the weight.</summary>
    internal static void WeightGradient<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int lines = Workers.Blocks(args.Windows.Channels, CacheLine.Of<T>());
        Plan plan = new(args, default, Fir.Tile(args.Windows.W.Kernel), 1);
        plan = plan with { Parts = Math.Clamp((FewestItems + lines - 1) / lines, 1, Math.Max(1, plan.Images)) };
        using Scratch scratch = device.Scratch(KernelParts.Bytes<T>(plan.Parts, args));
        plan = plan with { Work = Pointer.At(scratch.As<T>()) };
        device.Workers.For(lines * plan.Parts, plan, &Sum<T, V>);
        KernelParts.Add<T, V>(device, args, plan.Work, plan.Parts);
    }

    /// <summary>The gradient of the kernels of a line of channels, summed over one part of the images in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Sum<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>()), part = item / lines, tile = plan.Tile;
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int n0 = (int)((long)part * plan.Images / plan.Parts), n1 = (int)((part + 1L) * plan.Images / plan.Parts);
        int taps = Workers.Blocks(w.Kernel, tile) * tile, across = Math.Max(w.Out + taps - 1, w.In + w.Padding);
        long planeSize = (long)h.In * across * V.Count, slopeSize = (long)w.Out * V.Count, totalSize = (long)h.Kernel * taps * V.Count;
        T* plane = Workers.Local<T>(planeSize + slopeSize + totalSize * Workers.Blocks(c1 - c0, V.Count)), slopes = plane + planeSize, totals = slopes + slopeSize;
        Frame<T, V>(plane, h.In, w.In, w.Padding, across);
        for (long i = 0; i < totalSize * Workers.Blocks(c1 - c0, V.Count); i += V.Count) V.Of(0).Store(totals + i);
        for (int n = n0; n < n1; n++)
            for (int c = c0; c < c1; c += V.Count)
            {
                int wide = Math.Min(V.Count, c1 - c);
                T* x = plan.Args.X.As<T>() + (long)n * h.In * w.In * channels + c, dy = plan.Args.Y.As<T>() + (long)n * h.Out * w.Out * channels + c;
                int filled = 0;
                for (int row = 0; row < h.Out; row++)
                {
                    filled = Fill<T, V>(x, channels, wide, plane + w.Padding * V.Count, filled, Math.Min(h.In, row + h.Kernel - h.Padding), w.In, across);
                    Fill<T, V>(dy + (long)row * w.Out * channels, channels, wide, slopes, 0, 1, w.Out, w.Out);
                    if (filled < h.In) CacheLine.Prefetch(x + (long)filled * w.In * channels, channels, w.In);
                    Correlate<T, V>(h, w, tile, row, plane, across, slopes, totals + (c - c0) / V.Count * totalSize, taps);
                }
            }
        for (int c = c0; c < c1; c += V.Count)
            for (int i = 0; i < h.Kernel; i++)
                for (int j = 0; j < w.Kernel; j++)
                    Lanes.Write<V, T>(V.Load(totals + (c - c0) / V.Count * totalSize + (i * taps + j) * V.Count),
                        plan.Work.As<T>() + ((long)part * plan.KernelSize + i * w.Kernel + j) * channels + c, Math.Min(V.Count, c1 - c));
    }

    /// <summary>Adds one row's share for each tap: Σ over outputs of the slope times the input that the tap saw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Correlate<T, V>(Axis h, Axis w, int tile, int row, T* plane, int across, T* slopes, T* totals, int taps)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (int begin, int end) = h.Taps(row);
        for (int i = begin; i < end; i++)
            for (int j = 0; j < w.Kernel; j += tile)
            {
                int w0 = Math.Max(0, w.Padding - j - tile + 1), w1 = Math.Min(w.Out, w.In + w.Padding - j);
                if (w1 <= w0) continue;
                T* total = totals + (i * taps + j) * V.Count;
                Fir.Run<T, V>(tile, total, total, V.Count, slopes + w0 * V.Count, plane + ((long)(row + i - h.Padding) * across + w0 + j) * V.Count, w1 - w0);
            }
    }

    /// <summary>Zeros left and right of where <see cref="Fill"/> writes.</summary>
    static void Frame<T, V>(T* plane, int high, int wide, int left, int across) where T : unmanaged where V : struct, ILanes<V, T>
    {
        for (int row = 0; row < high; row++, plane += across * V.Count)
        {
            for (int i = 0; i < left; i++) V.Of(0).Store(plane + i * V.Count);
            for (int i = left + wide; i < across; i++) V.Of(0).Store(plane + i * V.Count);
        }
    }

    /// <summary>
    /// A register of channels of the rows [begin, end) of an image, pixel by pixel, into rows <paramref name="across"/> registers apart. Returns the rows that are there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static int Fill<T, V>(T* image, int channels, int lanes, T* plane, int begin, int end, int wide, int across) where T : unmanaged where V : struct, ILanes<V, T>
    {
        if (end <= begin) return begin;
        nint gap = (across - wide) * V.Count, step = channels;
        T* from = image + (long)begin * wide * channels, to = plane + (long)begin * across * V.Count;
        for (int row = begin; row < end; row++, to += gap)
            if (lanes == V.Count)
                for (int i = wide; i > 0; i--, from += step, to += V.Count) V.Load(from).Store(to);
            else
                for (int i = wide; i > 0; i--, from += step, to += V.Count) Lanes.LoadPartial<V, T>(from, lanes).Store(to);
        return end;
    }
}
