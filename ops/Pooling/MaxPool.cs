namespace MiniTorch.Ops;

/// <summary>
/// y = the largest of x under each window, per channel; padding is never taken. The gradient goes to the first maximum in the window's order. NaN wins, as in
/// PyTorch. Saves the number of the winning tap, as a value of the tensor's own type.
/// </summary>
public sealed unsafe partial class MaxPool : Op
{
    readonly Input x;
    readonly Saved winners;
    readonly Windows windows;

    MaxPool(Tensor x, Tensor winners, Windows windows) : base(x) => (this.x, this.winners, this.windows) = (x, Save(winners), windows);

    /// <summary>x [n, *spatial, c]; kernel, stride (default: the kernel), padding and dilation with one value per axis or one for all.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default, ReadOnlySpan<int> dilation = default)
    {
        Expect.Real(x);
        Windows windows = Windows.Over(x, kernel, stride.Length == 0 ? kernel : stride, padding, dilation);
        Expect.That(windows.PaddingIsSeen, "padding must be at most half the kernel", x);
        bool tracked = Tape.Tracks(x);
        Tensor y = Tensor.Like(x, windows.Result(x.Shape, windows.Channels));
        Tensor? winners = tracked ? Tensor.Empty(y.Shape, y.DType.Wide(), y.Device) : null;
        forward.Launch(x.Device, x.DType, new(x, y, winners, windows));
        return tracked ? y.From(new MaxPool(x, winners!, windows)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => windows.Write(graph, "MaxPool", operands, y);

    /// <summary>dx at each winner collects dy.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy, x.Shape);
        backward.Launch(dy.Device, dy.DType, new(dx, dy, winners, windows));
        gradients.Add(x, dx);
    }

    readonly record struct Args(Pointer X, Pointer Y, Pointer Winners, Windows Windows) : ICost
    {
        public Cost Cost(int size) => new(0, Windows.Batch * (double)Windows.Channels * (size * (double)Windows.Inputs + (size + sizeof(int)) * (double)Windows.Outputs), Windows.Batch, Windows.Inputs, Windows.Channels);
    }

    static readonly Kernel<Args> forward = Kernel<Args>.On<ForwardBody, ForwardCuda>("MaxPool.forward");
    static readonly Kernel<Args> backward = Kernel<Args>.On<BackwardBody, BackwardCuda>("MaxPool.backward");

    struct ForwardBody : ICpuKernel<Args>
    {
        const int ItemElements = 1 << 14;

        static int BlockPixels(in Args args) => Math.Max(1, ItemElements / Math.Max(1, args.Windows.Channels * args.Windows.Taps));

        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Windows.Batch * args.Windows.Outputs, BlockPixels(args)), args, &Block<T, V>);

        static void Block<T, V>(in Args args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int begin, int end) = Workers.Range(block, args.Windows.Batch * args.Windows.Outputs, BlockPixels(args));
            int channels = args.Windows.Channels;
            for (int o = begin; o < end; o++)
                for (int c = 0; c < channels; c += V.Count)
                {
                    int wide = Math.Min(V.Count, channels - c);
                    (V most, V winner) = Largest<T, V>(args, o, c, wide);
                    long at = (long)o * channels + c;
                    Lanes.StorePartial(most, args.Y.As<T>() + at, wide);
                    if (!args.Winners.IsNull) Lanes.StorePartial(winner, args.Winners.As<T>() + at, wide);
                }
        }

        static (V Most, V Winner) Largest<T, V>(in Args args, int o, int c, int wide) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            Windows windows = args.Windows;
            (Axis d, Axis h, Axis w) = (windows.D, windows.H, windows.W);
            int x = o % w.Out, y = o / w.Out % h.Out, z = o / w.Out / h.Out % d.Out, n = o / windows.Outputs;
            (int i0, int i1) = d.Taps(z);
            (int j0, int j1) = h.Taps(y);
            (int k0, int k1) = w.Taps(x);
            V most = V.Of(double.NegativeInfinity), winner = V.Of((i0 * h.Kernel + j0) * w.Kernel + k0);
            for (int i = i0; i < i1; i++)
                for (int j = j0; j < j1; j++)
                    for (int k = k0; k < k1; k++)
                    {
                        long pixel = (((long)n * d.In + d.First(z) + i * d.Dilation) * h.In + h.First(y) + j * h.Dilation) * w.In + w.First(x) + k * w.Dilation;
                        T* from = args.X.As<T>() + pixel * windows.Channels + c;
                        V v = wide == V.Count ? V.Load(from) : Lanes.LoadPartial<V, T>(from, wide), tap = V.Of((i * h.Kernel + j) * w.Kernel + k);
                        V more = V.Greater(v, most), real = V.Equal(v, v);
                        winner = V.Select(real, V.Select(more, tap, winner), tap);
                        most = V.Select(real, V.Select(more, v, most), v);
                    }
            return (most, winner);
        }
    }

    struct BackwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Windows.Batch, args, &Image<T, V>);

        /// <summary>Windows overlap, so an image is the work of one thread, in order.</summary>
        static void Image<T, V>(in Args args, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            Windows windows = args.Windows;
            (Axis d, Axis h, Axis w, int channels) = (windows.D, windows.H, windows.W, windows.Channels);
            T* dx = args.X.As<T>() + (long)n * windows.Inputs * channels;
            PixelSums.Clear<T, V>(dx, windows.Inputs * channels);
            for (int o = 0; o < windows.Outputs; o++)
            {
                int x = o % w.Out, y = o / w.Out % h.Out, z = o / w.Out / h.Out;
                T* dy = args.Y.As<T>() + ((long)n * windows.Outputs + o) * channels, winners = args.Winners.As<T>() + ((long)n * windows.Outputs + o) * channels;
                for (int c = 0; c < channels; c++)
                {
                    int tap = int.CreateTruncating(winners[c]), i = tap / w.Kernel / h.Kernel, j = tap / w.Kernel % h.Kernel, k = tap % w.Kernel;
                    long pixel = ((long)(d.First(z) + i * d.Dilation) * h.In + h.First(y) + j * h.Dilation) * w.In + w.First(x) + k * w.Dilation;
                    dx[pixel * channels + c] += dy[c];
                }
            }
        }
    }
}

/// <summary>x.MaxPool(kernel, …).</summary>
public static class MaxPoolExtension
{
    extension(Tensor x)
    {
        /// <summary>Maximum pooling of x [n, *spatial, c]; stride defaults to the kernel.</summary>
        public Tensor MaxPool(ReadOnlySpan<int> kernel, ReadOnlySpan<int> stride = default, ReadOnlySpan<int> padding = default, ReadOnlySpan<int> dilation = default)
            => MiniTorch.Ops.MaxPool.Of(x, kernel, stride, padding, dilation);
    }
}
