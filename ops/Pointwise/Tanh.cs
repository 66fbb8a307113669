namespace MiniTorch.Ops;

/// <summary>y = tanh x. Slope 1 − y².</summary>
public readonly struct Tanh : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => true;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Tanh(x);

    /// <inheritdoc/>
    public R Slope<R>(R y) where R : struct, IReal<R> => R.Of(1) - y * y;
}

/// <summary>x.Tanh().</summary>
public static class TanhExtension
{
    extension(Tensor x)
    {
        /// <summary>tanh x, elementwise.</summary>
        public Tensor Tanh() => Unary<Tanh>.Of(x);
    }
}
