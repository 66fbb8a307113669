namespace MiniTorch.Ops;

/// <summary>
/// y = f(h) with h = x · weight (+ bias), for any formula f, in the pass that computes the product: f is applied to each block of h while it lies in cache. dh = dy · f′
/// and the gradient of the bias, the column sums of dh, are one pass; the rest is that of <see cref="LinearOp"/>. Saves x, weight and h, in whose place dh is then
/// written, or y instead of h where the formula's slope is a function of y. Without recording there is no h.
/// </summary>
public sealed unsafe partial class LinearActivation<F> : Op where F : unmanaged, IUnary
{
    const int BlockSize = 32768;        // elements of an item, backward
    const int Span = 2048;              // columns of an item
    const int FewestRows = 16;          // of an item: the partial sums are few beside them

    readonly Input x, weight, bias;
    readonly Saved? savedX, savedWeight;
    readonly Saved saved;
    readonly F formula;

    LinearActivation(Tensor x, Tensor weight, Tensor? bias, Tensor saved, F formula) : base(x, weight, bias)
    {
        (this.x, this.weight, this.bias, this.formula) = (x, weight, bias, formula);
        savedX = SaveOptional(weight.Tracked ? x : null);
        savedWeight = SaveOptional(x.Tracked ? weight : null);
        this.saved = Save(saved);
    }

    /// <inheritdoc/>
    protected internal override string Name => $"Linear{typeof(F).Name}";

    /// <summary>x [..., in] by weight [in, out] plus an optional bias [out], then the formula: [..., out].</summary>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias = null, F formula = default)
    {
        Tensor y = LinearOp.Output(x, weight, bias);
        bool tracks = Tape.Tracks(x, weight, bias);
        Tensor h = tracks && !F.SlopeFromOutput ? Tensor.Like(y) : y;
        forward.Launch(x.Device, x.DType, new(LinearOp.Product(x, weight, bias, h), y, formula));
        return tracks ? y.From(new LinearActivation<F>(x, weight, bias, h, formula)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => formula.Value(new OnnxValue(LinearOp.Written(graph, operands))).Name;

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor from = saved.Value, dh = F.SlopeFromOutput ? Tensor.Like(dy) : from;
        Tensor? dBias = gradients.Wants(bias) ? Tensor.Like(dy, bias.Shape) : null;
        slope.Launch(dy.Device, dy.DType, new(from, dy, dh.InPlace(), dBias, dy.Shape.Product(0, dy.Shape.Rank - 1), dy.Shape[^1], formula));
        LinearOp.Differentiate(x, weight, savedX, savedWeight, dh, gradients);
        if (dBias is not null) gradients.Add(bias, dBias);
    }

    readonly record struct ForwardArgs(GemmArgs Product, Pointer Y, F Formula) : ICost
    {
        public Cost Cost(int size)
        {
            Cost product = Product.Cost(size);
            return Y.Address == Product.C.Address ? product : product with { Bytes = product.Bytes + (double)size * Product.M * Product.N };
        }
    }

    /// <summary>Saved, Dy and Dh are [Rows, C].</summary>
    readonly record struct SlopeArgs(Pointer Saved, Pointer Dy, Pointer Dh, Pointer DBias, int Rows, int C, F Formula) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Rows * C, Rows, C);

        internal int Spans => Workers.Blocks(C, Span);
        internal int RowsPerBlock => Math.Max(FewestRows, BlockSize / Math.Clamp(C, 1, Span));
        internal int Blocks => Workers.Blocks(Rows, RowsPerBlock);

        /// <summary>The column sums of each block, a row of C.</summary>
        internal Pointer Partial { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>($"Linear{typeof(F).Name}.forward");
    static readonly Kernel<SlopeArgs> slope = Kernel<SlopeArgs>.On<SlopeBody, SlopeCuda>($"Linear{typeof(F).Name}.slope");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ForwardArgs here = args;
            Gemm.Run<T, V>(device, args.Product, GemmEpilogue.Of(&here, &Activate<T, V>));
        }

        static void Activate<T, V>(in ForwardArgs args, in GemmBlock block) where T : unmanaged where V : struct, ILanes<V, T>
        {
            int n = args.Product.N, columns = block.Columns;
            long at = (long)block.Row * n + block.Column;
            T* h = args.Product.C.As<T>() + at, y = args.Y.As<T>() + at;
            bool stream = h != y && n % V.Count == 0 && Lanes.Streams<V, T>(y, (long)args.Product.M * n);
            for (int r = 0; r < block.Rows; r++, h += n, y += n)
            {
                int i = 0;
                for (; i <= columns - V.Count; i += V.Count) Lanes.Put(args.Formula.Value(V.Load(h + i)), y + i, stream);
                if (i < columns) Lanes.StorePartial(args.Formula.Value(Lanes.LoadPartial<V, T>(h + i, columns - i)), y + i, columns - i);
            }
        }
    }

    struct SlopeBody : ICpuKernel<SlopeArgs>
    {
        public static void Run<T, V>(CpuDevice device, in SlopeArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (args.DBias.IsNull)
            {
                device.Workers.For(args.Blocks * args.Spans, args, &Block<T, V>);
                return;
            }
            using Scratch partial = device.Scratch((long)args.Blocks * args.C * sizeof(T));
            device.Workers.For(args.Blocks * args.Spans, args with { Partial = Pointer.At(partial.As<T>()) }, &Block<T, V>);
            Partials.Sum<T, V>(partial.As<T>(), args.Blocks, args.C, args.DBias.As<T>());
        }

        /// <summary>From the last block to the first: whoever made dy went from first to last, so its end is what a cache may still hold.</summary>
        static void Block<T, V>(in SlopeArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int block = args.Blocks - 1 - item / args.Spans, c = args.C;
            (int row, int end) = Workers.Range(block, args.Rows, args.RowsPerBlock);
            (int from, int to) = Workers.Range(item % args.Spans, c, Span);
            T* sums = args.Partial.IsNull ? null : args.Partial.As<T>() + (long)block * c;
            if (sums != null) new Span<T>(sums + from, to - from).Clear();
            for (; row < end; row++)
            {
                T* x = args.Saved.As<T>() + (long)row * c, dy = args.Dy.As<T>() + (long)row * c, dh = args.Dh.As<T>() + (long)row * c;
                int i = from;
                if (sums == null)
                    for (; i <= to - V.Count; i += V.Count) (V.Load(dy + i) * args.Formula.Slope(V.Load(x + i))).Store(dh + i);
                else
                    for (; i <= to - V.Count; i += V.Count)
                    {
                        V d = V.Load(dy + i) * args.Formula.Slope(V.Load(x + i));
                        d.Store(dh + i);
                        (V.Load(sums + i) + d).Store(sums + i);
                    }
                if (i >= to) continue;
                V tail = Lanes.LoadPartial<V, T>(dy + i, to - i) * args.Formula.Slope(Lanes.LoadPartial<V, T>(x + i, to - i));
                Lanes.StorePartial(tail, dh + i, to - i);
                if (sums != null) Lanes.StorePartial(Lanes.LoadPartial<V, T>(sums + i, to - i) + tail, sums + i, to - i);
            }
        }
    }
}

/// <summary>x.LinearActivation(weight, bias, f) and x.LinearGelu(weight, bias).</summary>
public static class LinearActivationExtension
{
    extension(Tensor x)
    {
        /// <summary>A formula of x [..., in] by weight [in, out] plus an optional bias [out]: [..., out].</summary>
        public Tensor LinearActivation<F>(Tensor weight, Tensor? bias = null, F formula = default) where F : unmanaged, IUnary => Ops.LinearActivation<F>.Of(x, weight, bias, formula);

        /// <summary>GELU of x [..., in] by weight [in, out] plus an optional bias [out]: [..., out].</summary>
        public Tensor LinearGelu(Tensor weight, Tensor? bias = null) => Ops.LinearActivation<Gelu>.Of(x, weight, bias);
    }
}
