namespace MiniTorch.Ops;

/// <summary>
/// y = xᵖ for a constant p. Whole p by repeated multiplication, so that negative x is allowed; any other p as e^(p ln x), NaN below 0. Slope p xᵖ⁻¹, and 0
/// everywhere for p = 0.
/// </summary>
public readonly struct Pow(double exponent) : IUnary
{
    const double LargestWhole = 1e15;       // beyond it doubles are too sparse to tell odd from even

    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => Raise(x, exponent);

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => exponent == 0 ? R.Of(0) : R.Of(exponent) * Raise(x, exponent - 1);

    static R Raise<R>(R x, double exponent) where R : struct, IReal<R>
    {
        if (exponent != Math.Floor(exponent) || Math.Abs(exponent) > LargestWhole) return R.Exp(R.Of(exponent) * R.Log(x));
        R y = R.Of(1), square = x;
        for (long n = (long)Math.Abs(exponent); n > 0; n >>= 1, square *= square)
            if ((n & 1) != 0) y *= square;
        return exponent < 0 ? R.Of(1) / y : y;
    }
}

/// <summary>x.Pow(p).</summary>
public static class PowExtension
{
    extension(Tensor x)
    {
        /// <summary>xᵖ for a constant p, elementwise.</summary>
        public Tensor Pow(double exponent) => Unary<Pow>.Of(x, new(exponent));
    }
}
