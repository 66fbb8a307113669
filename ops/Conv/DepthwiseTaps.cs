using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with stride and dilation 1 by those taps of the kernel that are not zero, as a DCLS kernel has them once its positions are whole. They differ from
/// channel to channel, so a lane is a pixel: a few channels of an image at a time become planes with a frame of zeros, and a tile of rows of a plane stays in registers
/// while the taps of its channel run over it. Rows of the kernel without a tap, and those that meet only padding, cost nothing.
/// </summary>
/// <remarks>A zero that is skipped would pass on what is not finite; then the direct form computes all of it again.</remarks>
static unsafe class DepthwiseTaps
{
    const int Group = 4;                        // channels whose planes are made together
    const int Rows = 8;                         // of a tile
    const double TapCost = 2.1, PixelCost = 48, ListCost = 160, TileCost = 12;      // measured

    /// <summary>For each channel a list of taps, where they lie from the first of the window on and their weights, and the number of those before each kernel row.</summary>
    readonly record struct Plan(DepthwiseArgs Args, Pointer Places, Pointer Weights, Pointer Starts, Pointer Fault)
    {
        internal Windows Windows => Args.Windows;
        internal int Images => Windows.Batch * Windows.D.In;

        /// <summary>Elements between rows of a plane that takes whole registers of outputs.</summary>
        internal int Pitch(int lanes) => Wide(lanes) + Windows.W.Kernel - 1;

        internal int Wide(int lanes) => Workers.Blocks(Windows.W.Out, lanes) * lanes;

        /// <summary>Rows above and below an image that a tile of outputs may reach.</summary>
        internal const int Frame = Rows - 1;
    }

    /// <summary>Multiply-adds for a register of channels of all images, or what takes as long, with so many taps a channel that are not zero.</summary>
    static double Cost(Windows windows, double taps, int lanes)
    {
        (Axis h, Axis w) = (windows.H, windows.W);
        double tiles = Workers.Blocks(h.Out, Rows) * (double)Workers.Blocks(w.Out, lanes), met = Math.Min(1, (double)h.Meetings / (h.Out * h.Kernel) + (double)Rows / (h.In + Rows));
        return (double)windows.Batch * windows.D.In * (tiles * lanes * (taps * met * Rows * TapCost + TileCost) + PixelCost * (windows.Inputs + windows.Outputs)) + ListCost * windows.Taps;
    }

    /// <summary>Whether this costs less than another form does. Dense kernels are seen to be so from their first taps.</summary>
    internal static bool Pays<T, V>(in DepthwiseArgs args, double otherwise) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        double none = Cost(args.Windows, 0, V.Count), most = (otherwise - none) / (Cost(args.Windows, 1, V.Count) - none);
        return most > 0 && Count<T, V>(args, most) < most;
    }

    /// <summary>The mean number of taps a channel that are not zero, or anything above a limit if there are more.</summary>
    static double Count<T, V>(in DepthwiseArgs args, double limit) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int channels = args.Windows.Channels, taps = args.Windows.Taps;
        V one = V.Of(1), zero = V.Of(0);
        double count = 0;
        for (int tap = 0; tap < taps && count <= limit * channels; tap++)
        {
            T* w = args.Weight.As<T>() + (long)tap * channels;
            V some = zero;
            for (int c = 0; c < channels; c += V.Count) some += V.Select(V.Equal(Lanes.Read<V, T>(w + c, Math.Min(V.Count, channels - c)), zero), zero, one);
            count += double.CreateTruncating(some.Sum());
        }
        return count / channels;
    }

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int channels = args.Windows.Channels, taps = args.Windows.Taps, starts = args.Windows.H.Kernel + 1, fault = 0;
        using Scratch scratch = device.Scratch((long)channels * (taps * (sizeof(T) + sizeof(int)) + starts * sizeof(int)));
        T* weights = scratch.As<T>();
        int* places = (int*)(weights + (long)channels * taps);
        Plan plan = new(args, Pointer.At(places), Pointer.At(weights), Pointer.At(places + (long)channels * taps), Pointer.At(&fault));
        int lines = Workers.Blocks(channels, CacheLine.Of<T>());
        device.Workers.For(lines, plan, &List<T, V>);
        device.Workers.For(plan.Images * lines, plan, &Convolve<T, V>);
        if (fault != 0) DepthwiseDirect.Forward<T, V>(device, args);
    }

    /// <summary>The taps of a line of channels, row by row.</summary>
    static void List<T, V>(in Plan plan, int line) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (int channels, int high, int wide, int taps, int pitch) = (plan.Windows.Channels, plan.Windows.H.Kernel, plan.Windows.W.Kernel, plan.Windows.Taps, plan.Pitch(V.Count));
        (int c0, int c1) = Workers.Range(line, channels, CacheLine.Of<T>());
        int* counts = stackalloc int[CacheLine.Of<T>()], starts = plan.Starts.As<int>();
        new Span<int>(counts, c1 - c0).Clear();
        for (int i = 0; i < high; i++)
        {
            for (int c = c0; c < c1; c++) starts[c * (high + 1) + i] = counts[c - c0];
            for (int j = 0; j < wide; j++)
            {
                int tap = i * wide + j;
                T* w = plan.Args.Weight.As<T>() + (long)(plan.Args.Reversed ? taps - 1 - tap : tap) * channels;
                for (int c = c0; c < c1; c++)
                {
                    if (w[c] == T.Zero) continue;
                    long at = (long)c * plan.Windows.Taps + counts[c - c0]++;
                    plan.Weights.As<T>()[at] = w[c];
                    plan.Places.As<int>()[at] = i * pitch + j;
                }
            }
        }
        for (int c = c0; c < c1; c++) starts[c * (high + 1) + high] = counts[c - c0];
    }

    /// <summary>A line of channels of an image.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Convolve<T, V>(in Plan plan, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        (Axis h, Axis w, int channels) = (plan.Windows.H, plan.Windows.W, plan.Windows.Channels);
        int lines = Workers.Blocks(channels, CacheLine.Of<T>()), n = item / lines, pitch = plan.Pitch(V.Count), wide = plan.Wide(V.Count);
        (int c0, int c1) = Workers.Range(item % lines, channels, CacheLine.Of<T>());
        int inside = h.In + 2 * Plan.Frame, outside = Workers.Blocks(h.Out, Rows) * Rows;
        nint plane = (inside * pitch + V.Count - 1) / V.Count * V.Count, result = (nint)outside * wide;
        T* planes = Workers.Local<T>(Group * (plane + result)), results = planes + Group * plane;
        V odd = V.Of(0);
        for (int c = c0; c < c1; c += Group)
        {
            int some = Math.Min(Group, c1 - c);
            new Span<T>(planes, (int)(some * plane)).Clear();
            T* x = plan.Args.X.As<T>() + (long)n * h.In * w.In * channels + c, y = plan.Args.Y.As<T>() + (long)n * h.Out * w.Out * channels + c;
            for (int row = 0; row < h.In; row++, x += (nint)w.In * channels)
                Transposes.Split(x, channels, w.In, some, planes + (row + Plan.Frame) * pitch + w.Padding, plane);
            for (int q = 0; q < some; q++)
            {
                for (nint i = 0; i < plane; i += V.Count) odd += V.Load(planes + q * plane + i) - V.Load(planes + q * plane + i);
                Channel<T, V>(plan, c + q, planes + q * plane, pitch, results + q * result, wide);
            }
            for (int row = 0; row < h.Out; row++, y += (nint)w.Out * channels) Transposes.Join(results + row * wide, result, w.Out, some, y, channels);
        }
        if (!T.IsFinite(odd.Sum())) *plan.Fault.As<int>() = 1;
    }

    /// <summary>A plane of results from a plane of inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Channel<T, V>(in Plan plan, int c, T* plane, int pitch, T* result, int wide) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Axis h = plan.Windows.H;
        T* weights = plan.Weights.As<T>() + (long)c * plan.Windows.Taps;
        int* places = plan.Places.As<int>() + (long)c * plan.Windows.Taps, starts = plan.Starts.As<int>() + c * (h.Kernel + 1);
        V bias = plan.Args.Bias.IsNull ? V.Of(0) : V.All(plan.Args.Bias.As<T>()[c]);
        for (int o = 0; o < h.Out; o += Rows)
        {
            int begin = starts[Math.Clamp(h.Padding - o - Plan.Frame, 0, h.Kernel)], end = starts[Math.Clamp(h.In + h.Padding - o, 0, h.Kernel)];
            T* from = plane + (nint)(o - h.Padding + Plan.Frame) * pitch;
            for (int left = 0; left < wide; left += V.Count) Tile<T, V>(bias, from + left, pitch, weights + begin, places + begin, end - begin, result + o * wide + left, wide);
        }
    }

    /// <summary>Eight rows of a register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Tile<T, V>(V bias, T* from, nint pitch, T* weights, int* places, int taps, T* to, nint step) where T : unmanaged where V : struct, ILanes<V, T>
    {
        V s0 = bias, s1 = bias, s2 = bias, s3 = bias, s4 = bias, s5 = bias, s6 = bias, s7 = bias;
        for (; taps > 0; taps--, weights++, places++)
        {
            V k = V.All(*weights);
            T* x = from + *places, x4 = x + 4 * pitch;
            s0 = V.MultiplyAdd(k, V.Load(x), s0);
            s1 = V.MultiplyAdd(k, V.Load(x + pitch), s1);
            s2 = V.MultiplyAdd(k, V.Load(x + 2 * pitch), s2);
            s3 = V.MultiplyAdd(k, V.Load(x4 - pitch), s3);
            s4 = V.MultiplyAdd(k, V.Load(x4), s4);
            s5 = V.MultiplyAdd(k, V.Load(x4 + pitch), s5);
            s6 = V.MultiplyAdd(k, V.Load(x4 + 2 * pitch), s6);
            s7 = V.MultiplyAdd(k, V.Load(x4 + 3 * pitch), s7);
        }
        s0.Store(to);
        s1.Store(to += step);
        s2.Store(to += step);
        s3.Store(to += step);
        s4.Store(to += step);
        s5.Store(to += step);
        s6.Store(to += step);
        s7.Store(to + step);
    }
}
