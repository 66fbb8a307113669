namespace MiniTorch.Ops;

/// <summary>y = √x. Slope 1/(2y).</summary>
public readonly struct Sqrt : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => true;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Sqrt(x);

    /// <inheritdoc/>
    public R Slope<R>(R y) where R : struct, IReal<R> => R.Of(0.5) / y;
}

/// <summary>x.Sqrt().</summary>
public static class SqrtExtension
{
    extension(Tensor x)
    {
        /// <summary>√x, elementwise; NaN below 0.</summary>
        public Tensor Sqrt() => Unary<Sqrt>.Of(x);
    }
}
