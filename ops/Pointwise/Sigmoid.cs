namespace MiniTorch.Ops;

/// <summary>σ: y = 1 / (1 + e⁻ˣ). Slope y (1 − y).</summary>
public readonly struct Sigmoid : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => true;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Of(1) / (R.Of(1) + R.Exp(-x));

    /// <inheritdoc/>
    public R Slope<R>(R y) where R : struct, IReal<R> => y * (R.Of(1) - y);
}

/// <summary>x.Sigmoid().</summary>
public static class SigmoidExtension
{
    extension(Tensor x)
    {
        /// <summary>σ(x) = 1 / (1 + e⁻ˣ), elementwise.</summary>
        public Tensor Sigmoid() => Unary<Sigmoid>.Of(x);
    }
}
