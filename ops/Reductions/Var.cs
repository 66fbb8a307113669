namespace MiniTorch.Ops;

/// <summary>y = Σ (x − mean)² / (n − 1), or / n if biased, over a set of dimensions. dx = 2 (x − mean) dy / (n − 1). Saves x and the mean.</summary>
public sealed class Var : Op
{
    readonly Saved x, mean;
    readonly double scale;

    Var(Tensor x, Tensor mean, double scale) : base(x) => (this.x, this.mean, this.scale) = (Save(x), Save(mean), scale);

    /// <summary>Variance over the given dimensions (negative ones count from the end), or over all if none are given; NaN where n − 1 (biased: n) is 0.</summary>
    public static Tensor Of(Tensor x, ReadOnlySpan<int> dims = default, bool unbiased = true, bool keepDim = false)
    {
        Expect.Real(x);
        int mask = Axes.Mask(x, dims, nameof(Var)), n = Axes.Folded(x.Shape, mask);
        double scale = 1.0 / Math.Max(unbiased ? n - 1 : n, 0);
        Tensor mean = Fold<Sum.Plus>.Run(x, mask, Axes.Result(x.Shape, mask, true), 1.0 / n);
        Tensor y = Fold<Sum.Plus>.Run(Map<SquaredDeviation>.Run(mean, mean, x, x.Shape, default), mask, Axes.Result(x.Shape, mask, keepDim), scale);
        return Tape.Tracks(x) ? y.From(new Var(x, mean, scale)) : y;
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
        => gradients.Add(x, Map<Slope>.Run(dy.View(mean.Shape), mean.Value, x.Value, x.Shape, new(2 * scale)));

    readonly struct SquaredDeviation : IMap
    {
        public static string Name => "Var.forward";
        public R Of<R>(R a, R mean, R x) where R : struct, IReal<R> => (x - mean) * (x - mean);
    }

    readonly struct Slope(double scale) : IMap
    {
        public static string Name => "Var.backward";
        public R Of<R>(R dy, R mean, R x) where R : struct, IReal<R> => dy * R.Of(scale) * (x - mean);
    }
}

/// <summary>x.Var().</summary>
public static class VarExtension
{
    extension(Tensor x)
    {
        /// <summary>Variance over the given dimensions (negative ones count from the end), or over all if none are given; divided by n − 1, or by n if not unbiased.</summary>
        public Tensor Var(ReadOnlySpan<int> dims = default, bool unbiased = true, bool keepDim = false) => Ops.Var.Of(x, dims, unbiased, keepDim);
    }
}
