namespace MiniTorch.Ops;

/// <summary>y = ln(1 + eˣ), written max(x, 0) + ln(1 + e^−|x|) so that nothing overflows. Slope σ(x).</summary>
public readonly struct Softplus : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R>
    {
        R positive = R.Greater(x, R.Of(0));
        return R.Select(positive, x, R.Of(0)) + R.Log(R.Of(1) + R.Exp(R.Select(positive, -x, x)));
    }

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(1) / (R.Of(1) + R.Exp(-x));
}

/// <summary>x.Softplus().</summary>
public static class SoftplusExtension
{
    extension(Tensor x)
    {
        /// <summary>ln(1 + eˣ), elementwise.</summary>
        public Tensor Softplus() => Unary<Softplus>.Of(x);
    }
}
