using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// GELU: y = x Φ(x) with the normal distribution Φ(x) = (1 + erf(x/√2)) / 2. Slope Φ(x) + x e^(−x²/2) / √(2π). Both are ½ plus an odd function, which in single precision is
/// one polynomial in x² up to where it has reached ±½, with neither exponential nor division.
/// </summary>
public readonly struct Gelu : IUnary
{
    const double RootHalf = 0.70710678118654752, Density = 0.39894228040143268;
    const double ValueEnd = 5, SlopeEnd = 5.6;      // beyond it, Φ and the slope are 0 or 1 to 4e-7

    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Value<R>(R x) where R : struct, IReal<R>
        => R.IsSingle ? x * ShortDistribution(x) : x * R.MultiplyAdd(R.Erf(x * R.Of(RootHalf)), R.Of(0.5), R.Of(0.5));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public R Slope<R>(R x) where R : struct, IReal<R>
        => R.IsSingle ? ShortSlope(x)
            : R.MultiplyAdd(x * R.Of(Density), R.Exp(x * x * R.Of(-0.5)), R.MultiplyAdd(R.Erf(x * R.Of(RootHalf)), R.Of(0.5), R.Of(0.5)));

    /// <summary>Φ(x) to 5e-7, exactly 0 and 1 outside ±5. The polynomial is the best one of its degree over the range (Lawson's iteration), in u = 2x²/25 − 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static R ShortDistribution<R>(R x) where R : struct, IReal<R>
    {
        R c = R.Max(R.Min(x, R.Of(ValueEnd)), R.Of(-ValueEnd)), u = R.MultiplyAdd(c * c, R.Of(2 / (ValueEnd * ValueEnd)), R.Of(-1));
        R p = R.MultiplyAdd(u, R.Of(-0.000250327721), R.Of(0.000710743305));
        p = R.MultiplyAdd(p, u, R.Of(-0.000849987904));
        p = R.MultiplyAdd(p, u, R.Of(0.00144232449));
        p = R.MultiplyAdd(p, u, R.Of(-0.00357682747));
        p = R.MultiplyAdd(p, u, R.Of(0.00669727987));
        p = R.MultiplyAdd(p, u, R.Of(-0.0106672952));
        p = R.MultiplyAdd(p, u, R.Of(0.0162684098));
        p = R.MultiplyAdd(p, u, R.Of(-0.0234026462));
        p = R.MultiplyAdd(p, u, R.Of(0.0314700454));
        p = R.MultiplyAdd(p, u, R.Of(-0.0404272564));
        p = R.MultiplyAdd(p, u, R.Of(0.0515184626));
        p = R.MultiplyAdd(p, u, R.Of(-0.070296824));
        p = R.MultiplyAdd(p, u, R.Of(0.141363904));
        return c * p + R.Of(0.5);
    }

    /// <summary>Φ(x) + x φ(x) to 1e-6, exactly 0 and 1 outside ±5.6; made as <see cref="ShortDistribution"/> is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static R ShortSlope<R>(R x) where R : struct, IReal<R>
    {
        R c = R.Max(R.Min(x, R.Of(SlopeEnd)), R.Of(-SlopeEnd)), u = R.MultiplyAdd(c * c, R.Of(2 / (SlopeEnd * SlopeEnd)), R.Of(-1));
        R p = R.MultiplyAdd(u, R.Of(0.00313201221), R.Of(-0.00800384954));
        p = R.MultiplyAdd(p, u, R.Of(0.00431651343));
        p = R.MultiplyAdd(p, u, R.Of(-0.00258391886));
        p = R.MultiplyAdd(p, u, R.Of(0.0202226657));
        p = R.MultiplyAdd(p, u, R.Of(-0.0381777883));
        p = R.MultiplyAdd(p, u, R.Of(0.0428181067));
        p = R.MultiplyAdd(p, u, R.Of(-0.0516417883));
        p = R.MultiplyAdd(p, u, R.Of(0.0665422678));
        p = R.MultiplyAdd(p, u, R.Of(-0.0737554654));
        p = R.MultiplyAdd(p, u, R.Of(0.0716455281));
        p = R.MultiplyAdd(p, u, R.Of(-0.0648814216));
        p = R.MultiplyAdd(p, u, R.Of(0.0566830188));
        p = R.MultiplyAdd(p, u, R.Of(-0.0509724617));
        p = R.MultiplyAdd(p, u, R.Of(0.0518080033));
        p = R.MultiplyAdd(p, u, R.Of(-0.0642822608));
        p = R.MultiplyAdd(p, u, R.Of(0.126416549));
        return c * p + R.Of(0.5);
    }
}

/// <summary>GELU's tanh form: y = x (1 + t) / 2, t = tanh u, u = √(2/π) (x + 0.044715 x³). Slope (1 + t) / 2 + x (1 − t²) u′ / 2.</summary>
public readonly struct GeluTanh : IUnary
{
    const double Root = 0.79788456080286536, Cubic = 0.044715;

    /// <inheritdoc/>
    public static bool SlopeFromOutput => false;

    /// <inheritdoc/>
    public static LibraryFormula Library => LibraryFormula.GeluTanh;

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
