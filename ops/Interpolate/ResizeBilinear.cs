namespace MiniTorch.Ops;

/// <summary>
/// Bilinear interpolation of x [n, h, w, c]: output o lies at o · (in − 1) / (out − 1) of the input with aligned corners, else at
/// max(0, (o + ½) · in / out − ½), and blends the two nearest rows and columns.
/// </summary>
public sealed unsafe partial class ResizeBilinear : Op
{
    readonly Input x;
    readonly Args grid;

    ResizeBilinear(Tensor x, Args grid) : base(x) => (this.x, this.grid) = (x, grid);

    /// <summary>x [n, h, w, c] resampled to [n, height, width, c].</summary>
    public static Tensor Of(Tensor x, int height, int width, bool alignCorners = false)
    {
        Expect.Real(x);
        Expect.Rank(x, 4, "[n, h, w, c]");
        Expect.That(height > 0 && width > 0 && x.Shape[1] > 0 && x.Shape[2] > 0, $"sizes must be at least 1, wanted {height} x {width}", x);
        Tensor y = Tensor.Like(x, [x.Shape[0], height, width, x.Shape[3]]);
        Args grid = new(default, default, x.Shape[0], x.Shape[3], new(x.Shape[1], height, alignCorners), new(x.Shape[2], width, alignCorners));
        forward.Launch(x.Device, x.DType, grid with { X = x, Y = y });
        return Tape.Tracks(x) ? y.From(new ResizeBilinear(x, grid)) : y;
    }

    /// <summary>Each input collects dy by the weights that it had.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy, x.Shape);
        backward.Launch(dy.Device, dy.DType, grid with { X = dx, Y = dy });
        gradients.Add(x, dx);
    }

    readonly record struct Line(int In, int Out, bool AlignCorners)
    {
        /// <summary>The two inputs that an output blends, and the weight of the second.</summary>
        internal (int First, int Second, double Weight) At(int o)
        {
            double at = AlignCorners ? Out > 1 ? o * ((In - 1.0) / (Out - 1.0)) : 0 : Math.Max(0, (o + 0.5) * ((double)In / Out) - 0.5);
            int first = Math.Min((int)at, In - 1);
            return (first, Math.Min(first + 1, In - 1), at - first);
        }
    }

    readonly record struct Args(Pointer X, Pointer Y, int Batch, int Channels, Line H, Line W) : ICost
    {
        public Cost Cost(int size) => new(0, size * (double)Batch * Channels * ((double)H.In * W.In + (double)H.Out * W.Out), Batch, H.In, W.In, Channels);
    }

    static readonly Kernel<Args> forward = Kernel<Args>.On<ForwardBody, ForwardCuda>("ResizeBilinear.forward");
    static readonly Kernel<Args> backward = Kernel<Args>.On<BackwardBody, BackwardCuda>("ResizeBilinear.backward");

    struct ForwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Batch * args.H.Out, args, &Row<T, V>);

        static void Row<T, V>(in Args args, int row) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int upper, int lower, double down) = args.H.At(row % args.H.Out);
            T* image = args.X.As<T>() + (long)(row / args.H.Out) * args.H.In * args.W.In * args.Channels, to = args.Y.As<T>() + (long)row * args.W.Out * args.Channels;
            T* top = image + (long)upper * args.W.In * args.Channels, bottom = image + (long)lower * args.W.In * args.Channels;
            for (int o = 0; o < args.W.Out; o++, to += args.Channels)
            {
                (int left, int right, double across) = args.W.At(o);
                PixelSums.Clear<T, V>(to, args.Channels);
                PixelSums.Add<T, V>(top + (long)left * args.Channels, T.CreateChecked((1 - down) * (1 - across)), to, args.Channels);
                PixelSums.Add<T, V>(top + (long)right * args.Channels, T.CreateChecked((1 - down) * across), to, args.Channels);
                PixelSums.Add<T, V>(bottom + (long)left * args.Channels, T.CreateChecked(down * (1 - across)), to, args.Channels);
                PixelSums.Add<T, V>(bottom + (long)right * args.Channels, T.CreateChecked(down * across), to, args.Channels);
            }
        }
    }

    struct BackwardBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Batch, args, &Image<T, V>);

        /// <summary>Outputs share inputs, so an image is the work of one thread, in order.</summary>
        static void Image<T, V>(in Args args, int n) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int line = args.W.In * args.Channels;
            T* image = args.X.As<T>() + (long)n * args.H.In * line, dy = args.Y.As<T>() + (long)n * args.H.Out * args.W.Out * args.Channels;
            PixelSums.Clear<T, V>(image, args.H.In * line);
            for (int row = 0; row < args.H.Out; row++)
            {
                (int upper, int lower, double down) = args.H.At(row);
                T* top = image + (long)upper * line, bottom = image + (long)lower * line;
                for (int o = 0; o < args.W.Out; o++, dy += args.Channels)
                {
                    (int left, int right, double across) = args.W.At(o);
                    PixelSums.Add<T, V>(dy, T.CreateChecked((1 - down) * (1 - across)), top + (long)left * args.Channels, args.Channels);
                    PixelSums.Add<T, V>(dy, T.CreateChecked((1 - down) * across), top + (long)right * args.Channels, args.Channels);
                    PixelSums.Add<T, V>(dy, T.CreateChecked(down * (1 - across)), bottom + (long)left * args.Channels, args.Channels);
                    PixelSums.Add<T, V>(dy, T.CreateChecked(down * across), bottom + (long)right * args.Channels, args.Channels);
                }
            }
        }
    }
}

/// <summary>x.ResizeBilinear(height, width).</summary>
public static class ResizeBilinearExtension
{
    extension(Tensor x)
    {
        /// <summary>x [n, h, w, c] resampled to [n, height, width, c].</summary>
        public Tensor ResizeBilinear(int height, int width, bool alignCorners = false) => MiniTorch.Ops.ResizeBilinear.Of(x, height, width, alignCorners);
    }
}
