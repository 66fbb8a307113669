namespace MiniTorch.Ops;

/// <summary>Boxes along one axis. Output o averages inputs [Begin, End): windows of a kernel, or, adaptive, the o-th of Out nearly equal parts.</summary>
readonly record struct BoxAxis(int In, int Out, int Kernel, int Stride, int Padding, bool Adaptive)
{
    internal int Begin(int o) => Adaptive ? (int)((long)o * In / Out) : Math.Max(0, o * Stride - Padding);
    internal int End(int o) => Adaptive ? (int)(((long)(o + 1) * In + Out - 1) / Out) : Math.Min(In, o * Stride - Padding + Kernel);

    /// <summary>The outputs [begin, end) whose box holds input i.</summary>
    internal (int Begin, int End) Outputs(int i)
    {
        if (Adaptive) return ((int)((long)i * Out / In), (int)(((long)(i + 1) * Out + In - 1) / In));
        int before = i + Padding - Kernel;
        return (before < 0 ? 0 : before / Stride + 1, Math.Min(Out, (i + Padding) / Stride + 1));
    }

    internal static BoxAxis Of(Axis a) => new(a.In, a.Out, a.Kernel, a.Stride, a.Padding, Adaptive: false);
}

/// <summary>Boxes over [batch, d, h, w, channels]. Divisor 0 divides by the number of inputs in the box.</summary>
readonly record struct BoxArgs(Pointer X, Pointer Y, int Batch, int Channels, BoxAxis D, BoxAxis H, BoxAxis W, int Divisor) : ICost
{
    public Cost Cost(int size) => new(0, size * (double)Batch * Channels * ((double)D.In * H.In * W.In + (double)D.Out * H.Out * W.Out), Batch, D.In, H.In, W.In, Channels);

    internal double Share(int d, int h, int w) => 1.0 / (Divisor > 0 ? Divisor : (D.End(d) - D.Begin(d)) * (H.End(h) - H.Begin(h)) * (W.End(w) - W.Begin(w)));
}

/// <summary>The average over boxes and its gradient: what average pooling and adaptive average pooling have in common.</summary>
static unsafe partial class BoxAverage
{
    const int ItemElements = 1 << 14;

    internal static readonly Kernel<BoxArgs> Forward = Kernel<BoxArgs>.On<ForwardBody, ForwardCuda>("AvgPool.forward");
    internal static readonly Kernel<BoxArgs> Backward = Kernel<BoxArgs>.On<BackwardBody, BackwardCuda>("AvgPool.backward");

    struct ForwardBody : ICpuKernel<BoxArgs>
    {
        static int Pixels(in BoxArgs args) => args.Batch * args.D.Out * args.H.Out * args.W.Out;

        /// <summary>Outputs of one item: about as many inputs as fill it.</summary>
        static int BlockPixels(in BoxArgs args)
        {
            long inputs = (long)args.D.In * args.H.In * args.W.In, outputs = Math.Max(1, args.D.Out * args.H.Out * args.W.Out);
            return (int)Math.Max(1, ItemElements / Math.Max(1, Math.Max(1, inputs / outputs) * args.Channels));
        }

        public static void Run<T, V>(CpuDevice device, in BoxArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(Pixels(args), BlockPixels(args)), args, &Block<T, V>);

        static void Block<T, V>(in BoxArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, Pixels(args), BlockPixels(args));
            for (int o = begin; o < end; o++)
            {
                int x = o % args.W.Out, y = o / args.W.Out % args.H.Out, z = o / args.W.Out / args.H.Out % args.D.Out, n = o / args.W.Out / args.H.Out / args.D.Out;
                T* to = args.Y.As<T>() + (long)o * args.Channels;
                T share = T.CreateChecked(args.Share(z, y, x));
                PixelSums.Clear<T, V>(to, args.Channels);
                for (int i = args.D.Begin(z); i < args.D.End(z); i++)
                    for (int j = args.H.Begin(y); j < args.H.End(y); j++)
                        for (int k = args.W.Begin(x); k < args.W.End(x); k++)
                            PixelSums.Add<T, V>(args.X.As<T>() + ((((long)n * args.D.In + i) * args.H.In + j) * args.W.In + k) * args.Channels, share, to, args.Channels);
            }
        }
    }

    struct BackwardBody : ICpuKernel<BoxArgs>
    {
        static int Pixels(in BoxArgs args) => args.Batch * args.D.In * args.H.In * args.W.In;
        static int BlockPixels(in BoxArgs args) => Math.Max(1, ItemElements / Math.Max(1, args.Channels));

        public static void Run<T, V>(CpuDevice device, in BoxArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(Pixels(args), BlockPixels(args)), args, &Block<T, V>);

        static void Block<T, V>(in BoxArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, Pixels(args), BlockPixels(args));
            for (int p = begin; p < end; p++)
            {
                int x = p % args.W.In, y = p / args.W.In % args.H.In, z = p / args.W.In / args.H.In % args.D.In, n = p / args.W.In / args.H.In / args.D.In;
                T* to = args.X.As<T>() + (long)p * args.Channels;
                PixelSums.Clear<T, V>(to, args.Channels);
                (int i0, int i1) = args.D.Outputs(z);
                (int j0, int j1) = args.H.Outputs(y);
                (int k0, int k1) = args.W.Outputs(x);
                for (int i = i0; i < i1; i++)
                    for (int j = j0; j < j1; j++)
                        for (int k = k0; k < k1; k++)
                            PixelSums.Add<T, V>(args.Y.As<T>() + ((((long)n * args.D.Out + i) * args.H.Out + j) * args.W.Out + k) * args.Channels,
                                T.CreateChecked(args.Share(i, j, k)), to, args.Channels);
            }
        }
    }
}

/// <summary>Sums over the channels of a pixel.</summary>
static unsafe class PixelSums
{
    /// <summary>to[c] = 0.</summary>
    internal static void Clear<T, V>(T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int c = 0;
        for (; c <= n - V.Count; c += V.Count) V.Of(0).Store(to + c);
        for (; c < n; c++) to[c] = T.Zero;
    }

    /// <summary>to[c] += from[c] · factor.</summary>
    internal static void Add<T, V>(T* from, T factor, T* to, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int c = 0;
        V f = V.All(factor);
        for (; c <= n - V.Count; c += V.Count) V.MultiplyAdd(V.Load(from + c), f, V.Load(to + c)).Store(to + c);
        for (; c < n; c++) to[c] = T.FusedMultiplyAdd(from[c], factor, to[c]);
    }
}
