namespace MiniTorch.Ops;

/// <summary>y = max(a, b). The slope goes to the larger; ties split it in half.</summary>
public readonly struct Maximum : IBinary
{
    /// <inheritdoc/>
    public static bool SlopesNeedInputs => true;
    /// <inheritdoc/>
    public R Value<R>(R a, R b) where R : struct, IReal<R> => R.Max(a, b);
    /// <inheritdoc/>
    public R SlopeA<R>(R a, R b) where R : struct, IReal<R> => R.Select(R.Equal(a, b), R.Of(0.5), R.Select(R.Greater(a, b), R.Of(1), R.Of(0)));
    /// <inheritdoc/>
    public R SlopeB<R>(R a, R b) where R : struct, IReal<R> => SlopeA(b, a);
}

/// <summary>a.Maximum(b).</summary>
public static class MaximumExtension
{
    extension(Tensor a)
    {
        /// <summary>max(a, b), elementwise with broadcasting.</summary>
        public Tensor Maximum(Tensor b) => Binary<Maximum>.Of(a, b);
    }
}
