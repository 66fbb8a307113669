namespace MiniTorch.Ops;

/// <summary>y = |x|. Slope sign(x), 0 at 0.</summary>
public readonly struct Abs : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Abs(x);

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Select(R.Greater(x, R.Of(0)), R.Of(1), R.Select(R.Greater(R.Of(0), x), R.Of(-1), R.Of(0)));
}

/// <summary>x.Abs().</summary>
public static class AbsExtension
{
    extension(Tensor x)
    {
        /// <summary>|x|, elementwise.</summary>
        public Tensor Abs() => Unary<Abs>.Of(x);
    }
}
