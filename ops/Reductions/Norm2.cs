namespace MiniTorch.Ops;

/// <summary>Euclidean length: y = √Σ x² over a set of dimensions. dx = dy x / y, and 0 for the zero vector. Saves x and y.</summary>
public sealed class Norm2 : Op
{
    readonly Saved x, y;
    readonly Shape kept;

    Norm2(Tensor x, Tensor y, Shape kept) : base(x) => (this.x, this.y, this.kept) = (Save(x), Save(y), kept);

    /// <summary>2-norm over the given dimensions (negative ones count from the end), or over all if none are given.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> dims = default, bool keepDim = false)
    {
        Expect.Real(x);
        int mask = Axes.Mask(x, dims, nameof(Norm2));
        Tensor y = Unary<Sqrt>.Of(Fold<Squares>.Run(x, mask, Axes.Result(x.Shape, mask, keepDim)));
        return Tape.Tracks(x) ? y.From(new Norm2(x, y, Axes.Result(x.Shape, mask, true))) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
        => gradients.Add(x, Map<Slope>.Run(dy.View(kept), y.Value.View(kept), x.Value, x.Shape, default));

    readonly struct Squares : IFold
    {
        public static string Name => "Norm2";
        public static double Start => 0;
        public static double Neutral => 0;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => R.MultiplyAdd(x, x, fold);
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => a + b;
    }

    readonly struct Slope : IMap
    {
        public static string Name => "Norm2.backward";
        public R Of<R>(R dy, R y, R x) where R : struct, IReal<R> => R.Select(R.Equal(y, R.Of(0)), R.Of(0), dy * x / y);
    }
}

/// <summary>x.Norm2().</summary>
public static class Norm2Extension
{
    extension(Tensor x)
    {
        /// <summary>2-norm over the given dimensions (negative ones count from the end), or over all if none are given.</summary>
        public Tensor Norm2(ReadOnlySpan<int> dims = default, bool keepDim = false) => Ops.Norm2.Of(x, dims, keepDim);
    }
}
