using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>GELU: y = x Φ(x) with the normal distribution Φ(x) = (1 + erf(x/√2)) / 2. Slope Φ(x) + x e^(−x²/2) / √(2π).</summary>
public readonly struct Gelu : IUnary
{
    const double RootHalf = 0.70710678118654752, Density = 0.39894228040143268;

    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R>
    {
        R half = x * R.Of(0.5);
        return R.MultiplyAdd(half, R.Erf(x * R.Of(RootHalf)), half);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R>
    {
        R distribution = R.MultiplyAdd(R.Erf(x * R.Of(RootHalf)), R.Of(0.5), R.Of(0.5));
        return R.MultiplyAdd(x * R.Of(Density), R.Exp(x * x * R.Of(-0.5)), distribution);
    }
}

/// <summary>GELU's tanh form: y = x (1 + t) / 2, t = tanh u, u = √(2/π) (x + 0.044715 x³). Slope (1 + t) / 2 + x (1 − t²) u′ / 2.</summary>
public readonly struct GeluTanh : IUnary
{
    const double Root = 0.79788456080286536, Cubic = 0.044715;

    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R>
    {
        R half = x * R.Of(0.5);
        return R.MultiplyAdd(half, Bend(x), half);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R>
    {
        R t = Bend(x), half = R.Of(0.5);
        R inner = R.MultiplyAdd(x * x, R.Of(3 * Cubic * Root), R.Of(Root));
        return R.MultiplyAdd(half * x * (R.Of(1) - t * t), inner, R.MultiplyAdd(t, half, half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static R Bend<R>(R x) where R : struct, IReal<R> => R.Tanh(x * R.MultiplyAdd(x * x, R.Of(Cubic * Root), R.Of(Root)));
}

/// <summary>x.Gelu() and x.GeluTanh().</summary>
public static class GeluExtension
{
    extension(Tensor x)
    {
        /// <summary>GELU with the error function: x Φ(x), elementwise.</summary>
        public Tensor Gelu() => Unary<Gelu>.Of(x);

        /// <summary>GELU's tanh form: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, elementwise.</summary>
        public Tensor GeluTanh() => Unary<GeluTanh>.Of(x);
    }
}
