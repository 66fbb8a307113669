namespace MiniTorch.Ops;

/// <summary>y = f(x), elementwise, for any formula f. Saves x, or y where the formula's slope is a function of it.</summary>
public sealed unsafe partial class Unary<F> : Op where F : unmanaged, IUnary
{
    readonly Input x;
    readonly Saved saved;
    readonly F formula;

    Unary(Tensor x, Tensor y, F formula) : base(x)
    {
        (this.x, this.formula) = (x, formula);
        saved = Save(F.SlopeFromOutput ? y : x);
    }

    /// <inheritdoc/>
    protected internal override string Name => typeof(F).Name;

    /// <summary>Applies the formula to every element.</summary>
    public static Tensor Of(Tensor x, F formula = default)
    {
        Expect.Real(x);
        Tensor y = Tensor.Like(x);
        value.Launch(x.Device, x.DType, new(x, y, x.Count, formula));
        return Tape.Tracks(x) ? y.From(new Unary<F>(x, y, formula)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y) => formula.Value(new OnnxValue(graph.Name(operands[0]!))).Name;

    /// <summary>dx = dy · f′.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor dx = Tensor.Like(dy);
        slope.Launch(dy.Device, dy.DType, new(saved, dy, dx, dy.Count, formula));
        gradients.Add(x, dx);
    }

    readonly record struct ValueArgs(Pointer X, Pointer Y, int Count, F Formula) : ICost
    {
        public Cost Cost(int size) => new(0, 2.0 * size * Count, Count);
    }
    readonly record struct SlopeArgs(Pointer Saved, Pointer Dy, Pointer Dx, int Count, F Formula) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Count, Count);
    }

    static readonly Kernel<ValueArgs> value = Kernel<ValueArgs>.On<ValueBody, ValueCuda>($"{typeof(F).Name}.value");
    static readonly Kernel<SlopeArgs> slope = Kernel<SlopeArgs>.On<SlopeBody, SlopeCuda>($"{typeof(F).Name}.slope");

    struct ValueBody : ICpuKernel<ValueArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ValueArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Count), args, &Block<T, V>);

        static void Block<T, V>(in ValueArgs args, int block) where T : unmanaged where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(block, args.Count);
            T* x = args.X.As<T>(), y = args.Y.As<T>();
            bool stream = Lanes.Streams<V, T>(y + i, args.Count);
            for (; i <= end - V.Count; i += V.Count) Lanes.Put(args.Formula.Value(V.Load(x + i)), y + i, stream);
            if (i < end) Lanes.StorePartial(args.Formula.Value(Lanes.LoadPartial<V, T>(x + i, end - i)), y + i, end - i);
        }
    }

    struct SlopeBody : ICpuKernel<SlopeArgs>
    {
        public static void Run<T, V>(CpuDevice device, in SlopeArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Count), args, &Block<T, V>);

        /// <summary>From the last block to the first: whoever made dy went from first to last, so its end is what a cache may still hold.</summary>
        static void Block<T, V>(in SlopeArgs args, int item) where T : unmanaged where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(Workers.Blocks(args.Count) - 1 - item, args.Count);
            T* x = args.Saved.As<T>(), dy = args.Dy.As<T>(), dx = args.Dx.As<T>();
            bool stream = Lanes.Streams<V, T>(dx + i, args.Count);
            for (; i <= end - V.Count; i += V.Count) Lanes.Put(V.Load(dy + i) * args.Formula.Slope(V.Load(x + i)), dx + i, stream);
            if (i >= end) return;
            V tail = Lanes.LoadPartial<V, T>(dy + i, end - i) * args.Formula.Slope(Lanes.LoadPartial<V, T>(x + i, end - i));
            Lanes.StorePartial(tail, dx + i, end - i);
        }
    }
}
