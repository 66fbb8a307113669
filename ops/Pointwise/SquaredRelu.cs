namespace MiniTorch.Ops;

/// <summary>y = max(x, 0)². Slope 2 max(x, 0).</summary>
public readonly struct SquaredRelu : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Max(x, R.Of(0)) * R.Max(x, R.Of(0));

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(2) * R.Max(x, R.Of(0));
}

/// <summary>x.SquaredRelu().</summary>
public static class SquaredReluExtension
{
    extension(Tensor x)
    {
        /// <summary>max(x, 0)², elementwise.</summary>
        public Tensor SquaredRelu() => Unary<SquaredRelu>.Of(x);
    }
}
