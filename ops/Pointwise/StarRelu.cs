namespace MiniTorch.Ops;

/// <summary>
/// StarReLU: y = s max(x, 0)² + b with learnable one-element s and b. dx = 2 s max(x, 0) dy, ds = Σ max(x, 0)² dy, db = Σ dy, all from one pass over x and dy.
/// </summary>
public sealed unsafe partial class StarRelu : Op
{
    const int BlockSize = 16384;

    readonly Saved x, scale;
    readonly Input bias;

    StarRelu(Tensor x, Tensor scale, Tensor bias) : base(x, scale, bias) => (this.x, this.scale, this.bias) = (Save(x), Save(scale), bias);

    /// <summary>scale · max(x, 0)² + bias, elementwise; scale and bias have one element.</summary>
    public static Tensor Of(Tensor x, Tensor scale, Tensor bias)
    {
        Expect.Real(x);
        Expect.Alike(x, scale);
        Expect.Alike(x, bias);
        Expect.That(scale.Count == 1, "scale must have one element", scale);
        Expect.That(bias.Count == 1, "bias must have one element", bias);
        Tensor y = Tensor.Like(x);
        forward.Launch(x.Device, x.DType, new(x, scale, bias, y, x.Count));
        return Tape.Tracks(x, scale, bias) ? y.From(new StarRelu(x, scale, bias)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
        => Star(new OnnxValue(graph.Name(operands[0]!)), new OnnxValue(graph.Name(operands[1]!)), new OnnxValue(graph.Name(operands[2]!))).Name;

    static R Star<R>(R x, R scale, R bias) where R : struct, IReal<R>
    {
        R relu = R.Max(x, R.Of(0));
        return R.MultiplyAdd(scale * relu, relu, bias);
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy), ds = Tensor.Like(dy, scale.Shape), db = Tensor.Like(dy, bias.Shape);
        backward.Launch(dy.Device, dy.DType, new(x, scale, dy, dx, ds, db, dy.Count));
        gradients.Add(x, dx);
        gradients.Add(scale, ds);
        gradients.Add(bias, db);
    }

    readonly record struct ForwardArgs(Pointer X, Pointer Scale, Pointer Bias, Pointer Y, int Count) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Count, Count);
    }

    readonly record struct BackwardArgs(Pointer X, Pointer Scale, Pointer Dy, Pointer Dx, Pointer Ds, Pointer Db, int Count) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Count, Count);

        /// <summary>Σ max(x, 0)² dy and Σ dy of each block.</summary>
        internal nint Parts { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>("StarRelu.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody, BackwardCuda>("StarRelu.backward");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Count, BlockSize), args, &Block<T, V>);

        static void Block<T, V>(in ForwardArgs args, int block) where T : unmanaged where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(block, args.Count, BlockSize);
            T* x = args.X.As<T>(), y = args.Y.As<T>();
            V scale = V.All(*args.Scale.As<T>()), bias = V.All(*args.Bias.As<T>());
            for (; i <= end - V.Count; i += V.Count) Star(V.Load(x + i), scale, bias).Store(y + i);
            if (i < end) Lanes.StorePartial(Star(Lanes.LoadPartial<V, T>(x + i, end - i), scale, bias), y + i, end - i);
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int blocks = Workers.Blocks(args.Count, BlockSize);
            using Scratch scratch = device.Scratch(2L * blocks * sizeof(double));
            double* parts = scratch.As<double>();
            device.Workers.For(blocks, args with { Parts = (nint)parts }, &Block<T, V>);
            double ds = 0, db = 0;
            for (int block = 0; block < blocks; block++) (ds, db) = (ds + parts[2 * block], db + parts[2 * block + 1]);
            *args.Ds.As<T>() = T.CreateTruncating(ds);
            *args.Db.As<T>() = T.CreateTruncating(db);
        }

        static void Block<T, V>(in BackwardArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(block, args.Count, BlockSize);
            T* x = args.X.As<T>(), dy = args.Dy.As<T>(), dx = args.Dx.As<T>();
            V zero = V.Of(0), slope = V.Of(2) * V.All(*args.Scale.As<T>()), ds = zero, db = zero;
            for (; i <= end - V.Count; i += V.Count)
            {
                V relu = V.Max(V.Load(x + i), zero), g = V.Load(dy + i), part = relu * g;
                (slope * part).Store(dx + i);
                ds = V.MultiplyAdd(relu, part, ds);
                db += g;
            }
            if (i < end)
            {
                V relu = V.Max(Lanes.LoadPartial<V, T>(x + i, end - i), zero), g = Lanes.LoadPartial<V, T>(dy + i, end - i), part = relu * g;
                Lanes.StorePartial(slope * part, dx + i, end - i);
                ds = V.MultiplyAdd(relu, part, ds);
                db += g;
            }
            double* sums = (double*)args.Parts + 2 * block;
            (sums[0], sums[1]) = (double.CreateTruncating(ds.Sum()), double.CreateTruncating(db.Sum()));
        }
    }
}

/// <summary>x.StarRelu(scale, bias).</summary>
public static class StarReluExtension
{
    extension(Tensor x)
    {
        /// <summary>scale · max(x, 0)² + bias, elementwise; scale and bias have one element.</summary>
        public Tensor StarRelu(Tensor scale, Tensor bias) => Ops.StarRelu.Of(x, scale, bias);
    }
}
