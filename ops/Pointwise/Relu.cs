namespace MiniTorch.Ops;

/// <summary>y = max(x, 0). Slope 1 above 0, 0 at and below it.</summary>
public readonly struct Relu : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => true;

    /// <inheritdoc/>
    public static LibraryFormula Library => LibraryFormula.Relu;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Max(x, R.Of(0));

    /// <inheritdoc/>
    public R Slope<R>(R y) where R : struct, IReal<R> => R.Select(R.Greater(y, R.Of(0)), R.Of(1), R.Of(0));
}

/// <summary>x.Relu().</summary>
public static class ReluExtension
{
    extension(Tensor x)
    {
        /// <summary>max(x, 0), elementwise.</summary>
        public Tensor Relu() => Unary<Relu>.Of(x);
    }
}
