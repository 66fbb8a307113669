namespace MiniTorch.Ops;

/// <summary>y = min(max(x, low), high). Slope 1 in the closed interval [low, high], 0 outside.</summary>
public readonly struct Clamp(double low, double high) : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Min(R.Max(x, R.Of(low)), R.Of(high));

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Select(R.Equal(x, Value(x)), R.Of(1), R.Of(0));
}

/// <summary>x.Clamp(…).</summary>
public static class ClampExtension
{
    extension(Tensor x)
    {
        /// <summary>x limited to [low, high], elementwise; a bound not given does not limit.</summary>
        public Tensor Clamp(double low = double.NegativeInfinity, double high = double.PositiveInfinity) => Unary<Clamp>.Of(x, new(low, high));
    }
}
