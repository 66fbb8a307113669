namespace MiniTorch.Ops;

/// <summary>SiLU: y = x · σ(x). Slope σ(x) · (1 + x · (1 − σ(x))).</summary>
public readonly struct Silu : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => x / (R.Of(1) + R.Exp(-x));

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R>
    {
        R s = R.Of(1) / (R.Of(1) + R.Exp(-x));
        return s * R.MultiplyAdd(x, R.Of(1) - s, R.Of(1));
    }
}

/// <summary>x.Silu().</summary>
public static class SiluExtension
{
    extension(Tensor x)
    {
        /// <summary>SiLU: x · σ(x), elementwise.</summary>
        public Tensor Silu() => Unary<Silu>.Of(x);
    }
}
