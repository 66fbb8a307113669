namespace MiniTorch.Ops;

/// <summary>y = c / x for a constant c. Slope −c / x².</summary>
public readonly struct Reciprocal(double numerator) : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Of(numerator) / x;

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(-numerator) / (x * x);
}

/// <summary>x.Reciprocal(…).</summary>
public static class ReciprocalExtension
{
    extension(Tensor x)
    {
        /// <summary>numerator / x, elementwise.</summary>
        public Tensor Reciprocal(double numerator = 1) => Unary<Reciprocal>.Of(x, new(numerator));
    }
}
