namespace MiniTorch.Ops;

/// <summary>y = ln x. Slope 1/x.</summary>
public readonly struct Log : IUnary
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public R Value<R>(R x) where R : struct, IReal<R> => R.Log(x);

    /// <inheritdoc/>
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(1) / x;
}

/// <summary>x.Log().</summary>
public static class LogExtension
{
    extension(Tensor x)
    {
        /// <summary>Natural logarithm, elementwise; −∞ at 0, NaN below.</summary>
        public Tensor Log() => Unary<Log>.Of(x);
    }
}
