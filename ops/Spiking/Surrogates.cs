using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// A smooth step of x = h − θ, the membrane's distance from its threshold, whose slope stands in for that of the spike (x ≥ 0 ? 1 : 0), which is 0 or nothing. Value is the step,
/// ½ at 0; Slope its derivative as a function of x. The larger α, the narrower.
/// </summary>
public interface ISurrogate : IUnary;

/// <summary>ATan: step ½ + atan(π/2 · α x) / π, slope (α/2) / (1 + (π/2 · α x)²). Source: Fang et al., arXiv 2007.05785.</summary>
public readonly struct AtanSurrogate(double alpha) : ISurrogate
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R> => R.MultiplyAdd(Atan(x * R.Of(Math.PI / 2 * alpha)), R.Of(1 / Math.PI), R.Of(0.5));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R>
    {
        R z = x * R.Of(Math.PI / 2 * alpha);
        return R.Of(alpha / 2) / R.MultiplyAdd(z, z, R.Of(1));
    }

    /// <summary>atan z = ±π/2 − atan(1/z) beyond ±1; within, twice atan z = 2 atan(z / (1 + √(1 + z²))), and of the rest, below ¼, the series: full precision in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static R Atan<R>(R z) where R : struct, IReal<R>
    {
        R one = R.Of(1), far = R.Greater(R.Abs(z), one), u = R.Select(far, one / z, z);
        u /= one + R.Sqrt(R.MultiplyAdd(u, u, one));
        u /= one + R.Sqrt(R.MultiplyAdd(u, u, one));
        R square = u * u, sum = R.Of(1.0 / 23);
        for (int n = 21; n > 0; n -= 2) sum = R.Of(1.0 / n) - square * sum;
        R angle = R.Of(4) * u * sum;
        return R.Select(far, R.Select(R.Greater(z, R.Of(0)), R.Of(Math.PI / 2), R.Of(-Math.PI / 2)) - angle, angle);
    }
}

/// <summary>Sigmoid: step s = 1 / (1 + e^(−α x)), slope α s (1 − s).</summary>
public readonly struct SigmoidSurrogate(double alpha) : ISurrogate
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R> => default(Sigmoid).Value(x * R.Of(alpha));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(alpha) * default(Sigmoid).Slope(Value(x));
}

/// <summary>
/// Fast sigmoid: slope 1 / (1 + α |x|)², 1 at the threshold whatever α; step ½ + x / (1 + α |x|), which spans 2/α. Source: SuperSpike, Zenke and Ganguli, arXiv 1705.11146.
/// </summary>
public readonly struct FastSigmoidSurrogate(double alpha) : ISurrogate
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R> => R.Of(0.5) + x / Width(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R>
    {
        R width = Width(x);
        return R.Of(1) / (width * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    R Width<R>(R x) where R : struct, IReal<R> => R.MultiplyAdd(R.Abs(x), R.Of(alpha), R.Of(1));
}

/// <summary>Triangle: slope α max(0, 1 − |α x|), of area 1; step ½ + u − u |u| / 2 with u = α x held within ±1. Source: Esser et al., arXiv 1603.08270.</summary>
public readonly struct TriangleSurrogate(double alpha) : ISurrogate
{
    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R>
    {
        R u = R.Max(R.Min(x * R.Of(alpha), R.Of(1)), R.Of(-1));
        return R.MultiplyAdd(u, R.MultiplyAdd(R.Abs(u), R.Of(-0.5), R.Of(1)), R.Of(0.5));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R> => R.Of(alpha) * R.Max(R.Of(1) - R.Abs(x * R.Of(alpha)), R.Of(0));
}
