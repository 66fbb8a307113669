namespace MiniTorch.Ops;

/// <summary>
/// y = Π x over a set of dimensions. dx = dy · the product of the others: y / x where x is not 0; at a single zero the product of the rest; with two zeros or
/// more it is 0 everywhere. Saves x and y.
/// </summary>
public sealed class Prod : Op
{
    readonly Saved x, y;
    readonly int mask;

    Prod(Tensor x, Tensor y, int mask) : base(x) => (this.x, this.y, this.mask) = (Save(x), Save(y), mask);

    /// <summary>Product over the given dimensions (negative ones count from the end), or over all if none are given; 1 where there are no elements.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> dims = default, bool keepDim = false)
    {
        Expect.Real(x);
        int mask = Axes.Mask(x, dims, nameof(Prod));
        Tensor y = Fold<Times>.Run(x, mask, Axes.Result(x.Shape, mask, keepDim));
        return Tape.Tracks(x) ? y.From(new Prod(x, y, mask)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        Shape kept = Axes.Result(x.Shape, mask, true);
        Tensor g = dy.View(kept), rest = Fold<TimesOthers>.Run(x.Value, mask, kept), zeros = Fold<Zeros>.Run(x.Value, mask, kept);
        Tensor atZero = Map<AtOnlyZero>.Run(rest, zeros, g, kept, default), elsewhere = Map<Scaled>.Run(y.Value.View(kept), g, null, kept, default);
        gradients.Add(x, Map<Slope>.Run(atZero, elsewhere, x.Value, x.Shape, default));
    }

    readonly struct Times : IFold
    {
        public static string Name => "Prod";
        public static double Start => 1;
        public static double Neutral => 1;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => fold * x;
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => a * b;
    }

    readonly struct TimesOthers : IFold
    {
        public static string Name => "Prod.nonzero";
        public static double Start => 1;
        public static double Neutral => 1;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => fold * R.Select(R.Equal(x, R.Of(0)), R.Of(1), x);
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => a * b;
    }

    readonly struct Zeros : IFold
    {
        public static string Name => "Prod.zeros";
        public static double Start => 0;
        public static double Neutral => 1;
        public static R Add<R>(R fold, R x) where R : struct, IReal<R> => fold + R.Select(R.Equal(x, R.Of(0)), R.Of(1), R.Of(0));
        public static R Merge<R>(R a, R b) where R : struct, IReal<R> => a + b;
    }

    readonly struct AtOnlyZero : IMap
    {
        public static string Name => "Prod.atOnlyZero";
        public R Of<R>(R rest, R zeros, R dy) where R : struct, IReal<R> => R.Select(R.Equal(zeros, R.Of(1)), dy * rest, R.Of(0));
    }

    readonly struct Scaled : IMap
    {
        public static string Name => "Prod.scaled";
        public R Of<R>(R y, R dy, R g) where R : struct, IReal<R> => y * dy;
    }

    readonly struct Slope : IMap
    {
        public static string Name => "Prod.backward";
        public R Of<R>(R atZero, R elsewhere, R x) where R : struct, IReal<R> => R.Select(R.Equal(x, R.Of(0)), atZero, elsewhere / x);
    }
}

/// <summary>x.Prod().</summary>
public static class ProdExtension
{
    extension(Tensor x)
    {
        /// <summary>Product over the given dimensions (negative ones count from the end), or over all if none are given.</summary>
        public Tensor Prod(ReadOnlySpan<int> dims = default, bool keepDim = false) => Ops.Prod.Of(x, dims, keepDim);
    }
}
