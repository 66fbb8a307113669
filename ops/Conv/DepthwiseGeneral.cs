namespace MiniTorch.Ops;

/// <summary>
/// Depthwise convolution with any stride, dilation, rank and number of kernels per channel: plain loops over outputs and taps, with a channel in each lane where
/// every channel has one kernel, else channel by channel.
/// </summary>
static unsafe class DepthwiseGeneral
{
    const int ItemProducts = 1 << 15;

    static int BlockPixels(in DepthwiseArgs args) => (int)Math.Max(1, ItemProducts / ((long)args.Windows.Taps * args.Outputs));

    /// <summary>Writes y.</summary>
    internal static void Forward<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => device.Workers.For(Workers.Blocks(args.Windows.Batch * args.Windows.Outputs, BlockPixels(args)), args, &OutputBlock<T, V>);

    static void OutputBlock<T, V>(in DepthwiseArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Windows windows = args.Windows;
        (Axis d, Axis h, Axis w, int outputs) = (windows.D, windows.H, windows.W, args.Outputs);
        (int begin, int end) = Workers.Range(block, windows.Batch * windows.Outputs, BlockPixels(args));
        for (int o = begin; o < end; o++)
        {
            (int n, int z, int y, int x) = Place(o, d.Out, h.Out, w.Out);
            T* to = args.Y.As<T>() + (long)o * outputs;
            for (int c = 0; c < outputs; c++) to[c] = args.Bias.IsNull ? T.Zero : args.Bias.As<T>()[c];
            (int i0, int i1) = d.Taps(z);
            (int j0, int j1) = h.Taps(y);
            (int k0, int k1) = w.Taps(x);
            for (int i = i0; i < i1; i++)
                for (int j = j0; j < j1; j++)
                    for (int k = k0; k < k1; k++)
                    {
                        long pixel = (((long)n * d.In + d.First(z) + i * d.Dilation) * h.In + h.First(y) + j * h.Dilation) * w.In + w.First(x) + k * w.Dilation;
                        T* weight = args.Weight.As<T>() + (((long)i * h.Kernel + j) * w.Kernel + k) * outputs;
                        Multiply<T, V>(args.X.As<T>() + pixel * windows.Channels, weight, to, outputs, args.Multiplier);
                    }
        }
    }

    /// <summary>Writes x.</summary>
    internal static void InputGradient<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => device.Workers.For(Workers.Blocks(args.Windows.Batch * args.Windows.Inputs, BlockPixels(args)), args, &InputBlock<T, V>);

    static void InputBlock<T, V>(in DepthwiseArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Windows windows = args.Windows;
        (Axis d, Axis h, Axis w, int channels) = (windows.D, windows.H, windows.W, windows.Channels);
        (int begin, int end) = Workers.Range(block, windows.Batch * windows.Inputs, BlockPixels(args));
        for (int p = begin; p < end; p++)
        {
            (int n, int z, int y, int x) = Place(p, d.In, h.In, w.In);
            T* to = args.X.As<T>() + (long)p * channels;
            for (int c = 0; c < channels; c++) to[c] = args.Bias.IsNull ? T.Zero : args.Bias.As<T>()[c];
            for (int i = 0; i < d.Kernel; i++)
                for (int j = 0; j < h.Kernel; j++)
                    for (int k = 0; k < w.Kernel; k++)
                    {
                        if (!d.Output(z, i, out int oz) || !h.Output(y, j, out int oy) || !w.Output(x, k, out int ox)) continue;
                        T* from = args.Y.As<T>() + ((((long)n * d.Out + oz) * h.Out + oy) * w.Out + ox) * args.Outputs;
                        T* weight = args.Weight.As<T>() + (((long)i * h.Kernel + j) * w.Kernel + k) * args.Outputs;
                        if (args.Multiplier == 1) Multiply<T, V>(from, weight, to, channels, 1);
                        else
                            for (int c = 0; c < args.Outputs; c++) to[c / args.Multiplier] += from[c] * weight[c];
                    }
        }
    }

    /// <summary>Writes the weight.</summary>
    internal static void WeightGradient<T, V>(CpuDevice device, in DepthwiseArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        => device.Workers.For(args.Windows.Taps, args, &Tap<T, V>);

    static void Tap<T, V>(in DepthwiseArgs args, int tap) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        Windows windows = args.Windows;
        (Axis d, Axis h, Axis w, int outputs) = (windows.D, windows.H, windows.W, args.Outputs);
        int i = tap / (h.Kernel * w.Kernel), j = tap / w.Kernel % h.Kernel, k = tap % w.Kernel;
        T* to = args.Weight.As<T>() + (long)tap * outputs;
        for (int c = 0; c < outputs; c++) to[c] = T.Zero;
        for (int o = 0; o < windows.Batch * windows.Outputs; o++)
        {
            (int n, int z, int y, int x) = Place(o, d.Out, h.Out, w.Out);
            int iz = d.First(z) + i * d.Dilation, iy = h.First(y) + j * h.Dilation, ix = w.First(x) + k * w.Dilation;
            if ((uint)iz >= (uint)d.In || (uint)iy >= (uint)h.In || (uint)ix >= (uint)w.In) continue;
            Multiply<T, V>(args.X.As<T>() + ((((long)n * d.In + iz) * h.In + iy) * w.In + ix) * windows.Channels, args.Y.As<T>() + (long)o * outputs, to, outputs, args.Multiplier);
        }
    }

    static (int N, int D, int H, int W) Place(int pixel, int d, int h, int w) => (pixel / w / h / d, pixel / w / h % d, pixel / w % h, pixel % w);

    /// <summary>to[c] += a[c / multiplier] · b[c].</summary>
    static void Multiply<T, V>(T* a, T* b, T* to, int n, int multiplier) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int c = 0;
        if (multiplier == 1)
            for (; c <= n - V.Count; c += V.Count) V.MultiplyAdd(V.Load(a + c), V.Load(b + c), V.Load(to + c)).Store(to + c);
        for (; c < n; c++) to[c] += a[c / multiplier] * b[c];
    }
}
