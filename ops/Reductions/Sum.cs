namespace MiniTorch.Ops;

/// <summary>y = Σ x or mean x over a set of dimensions. Keeps nothing: dx repeats dy, for the mean divided by the number of elements.</summary>
public sealed class Sum : Op
{
    readonly Input x;
    readonly Shape kept;
    readonly double scale;

    Sum(Tensor x, Shape kept, double scale) : base(x) => (this.x, this.kept, this.scale) = (x, kept, scale);

    /// <summary>Sum over the given dimensions (negative ones count from the end), or over all if none are given; with keepDim they stay as size 1.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> dims = default, bool keepDim = false)
    {
        Expect.Real(x);
        return Over(x, Axes.Mask(x, dims, nameof(Sum)), keepDim, 1);
    }

    /// <summary>Mean over the given dimensions, or over all if none are given; NaN where there are no elements.</summary>
    public static Tensor Mean(Tensor x, ReadOnlySpan<int> dims = default, bool keepDim = false)
    {
        Expect.Real(x);
        int mask = Axes.Mask(x, dims, nameof(Mean));
        return Over(x, mask, keepDim, 1.0 / Axes.Folded(x.Shape, mask));
    }

    /// <summary>The gradient of something repeated to the shape of g: the sum over the dimensions along which it was repeated.</summary>
    internal static Tensor To(Shape shape, Tensor g)
    {
        if (g.Shape == shape) return g;
        int mask = 0, missing = g.Shape.Rank - shape.Rank;
        for (int d = 0; d < g.Shape.Rank; d++)
            if (g.Shape[d] != 1 && (d < missing || shape[d - missing] == 1)) mask |= 1 << d;
        return mask == 0 ? g.View(shape) : Fold<Plus>.Run(g, mask, shape);
    }

    static Tensor Over(Tensor x, int mask, bool keepDim, double scale)
    {
        Tensor y = Fold<Plus>.Run(x, mask, Axes.Result(x.Shape, mask, keepDim), scale);
        return Tape.Tracks(x) ? y.From(new Sum(x, Axes.Result(x.Shape, mask, true), scale)) : y;
    }

    /// <inheritdoc/>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        List<int> axes = [];
        for (int d = 0; d < kept.Rank; d++)
            if (kept[d] != operands[0]!.Shape[d]) axes.Add(d);
        string sum = axes.Count == 0 ? graph.Name(operands[0]!) : graph.Node("ReduceSum", [graph.Name(operands[0]!), graph.Wholes([.. axes])], new OnnxAttribute("keepdims", 1));
        if (scale != 1) sum = graph.Node("Mul", [sum, graph.Scalar(scale)]);
        return y.Shape == kept ? sum : graph.Node("Reshape", [sum, graph.Wholes(y.Shape.Dims)]);
    }

    /// <summary>dx = dy, repeated.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Tensor g = dy.View(kept);
        gradients.Add(x, Map<Repeat>.Run(g, g, null, x.Shape, new(scale)));
    }

    /// <summary>Σ x.</summary>
    internal readonly struct Plus : IFold
    {
        public static string Name => "Sum";
        public static double Start => 0;
        public static double Neutral => 0;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => fold + x;
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => a + b;
    }

    readonly struct Repeat(double scale) : IMap
    {
        public static string Name => "Sum.backward";
        public R Of<R>(R a, R b, R g) where R : struct, IReal<R> => a * R.Of(scale);
    }
}

/// <summary>x.Sum() and x.Mean().</summary>
public static class SumExtension
{
    extension(Tensor x)
    {
        /// <summary>Sum over the given dimensions (negative ones count from the end), or over all if none are given; with keepDim they stay as size 1.</summary>
        public Tensor Sum(ReadOnlySpan<int> dims = default, bool keepDim = false) => Ops.Sum.Of(x, dims, keepDim);

        /// <summary>Mean over the given dimensions, or over all if none are given; [n, h, w, c] → [n, c] is Mean([1, 2]).</summary>
        public Tensor Mean(ReadOnlySpan<int> dims = default, bool keepDim = false) => Ops.Sum.Mean(x, dims, keepDim);
    }
}
