namespace MiniTorch.Ops;

/// <summary>y = eˣ. Slope y.</summary>
public readonly struct Exp : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => true;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Exp(x);

    /// <inheritdoc/>
    public R Slope<R>(R y) where R : struct, IReal<R> => y;
}

/// <summary>x.Exp().</summary>
public static class ExpExtension
{
    extension(Tensor x)
    {
        /// <summary>eˣ, elementwise.</summary>
        public Tensor Exp() => Unary<Exp>.Of(x);
    }
}
