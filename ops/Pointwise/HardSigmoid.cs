namespace MiniTorch.Ops;

/// <summary>y = min(max(x + 3, 0), 6) / 6. Slope 1/6 inside (−3, 3), 0 at the bounds and outside.</summary>
public readonly struct HardSigmoid : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Min(R.Max(x + R.Of(3), R.Of(0)), R.Of(6)) * R.Of(1.0 / 6);

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Select(R.Greater(R.Of(3), R.Abs(x)), R.Of(1.0 / 6), R.Of(0));
}

/// <summary>x.HardSigmoid().</summary>
public static class HardSigmoidExtension
{
    extension(Tensor x)
    {
        /// <summary>min(max(x + 3, 0), 6) / 6, elementwise.</summary>
        public Tensor HardSigmoid() => Unary<HardSigmoid>.Of(x);
    }
}
