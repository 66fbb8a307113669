using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>
/// How one tap spreads along one axis: f of the distance d = n − p between a cell n and the position p, both in pixels from the centre, and of the width
/// σ = |SIG| + σ₀. A tap's value at a cell is the product over the axes. The formulas take n and p apart: where a piece of f begins is decided by comparing p with whole
/// and half numbers, exactly, and not by a difference that single precision has rounded. Source: Khalfaoui-Hassani et al., arXiv 2112.03740 (bilinear) and 2306.00817
/// (triangle, Gauss).
/// </summary>
public interface IBump
{
    /// <summary>The official name of the version: v0, v1, max, gauss.</summary>
    static abstract string Version { get; }

    /// <summary>True if a tap's values are divided by their sum over the grid plus 1e-7.</summary>
    static abstract bool Normalised { get; }

    /// <summary>True if a tap has a width of its own: σ = |SIG| + <see cref="NarrowestSigma"/>.</summary>
    static abstract bool HasSigma { get; }

    /// <summary>True if f is 0 from a distance of σ on; false if a tap covers the whole window.</summary>
    static abstract bool IsCompact { get; }

    /// <summary>Width at SIG = 0, in pixels, of a kernel with this many dense axes.</summary>
    static abstract double NarrowestSigma(int denseAxes, Convention convention);

    /// <summary>What SIG starts from.</summary>
    static abstract double InitialSig { get; }

    /// <summary>The learned axis (in memory order: depth, height, width) that a row of P drives.</summary>
    static abstract int Axis(int row, int rank, Convention convention);

    /// <summary>f, at cell n of a tap at p.</summary>
    static abstract R Value<R>(R n, R p, R sig, R narrowest) where R : struct, IReal<R>;

    /// <summary>∂f/∂p, where f has the value given.</summary>
    static abstract R PositionSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>;

    /// <summary>∂f/∂σ, where f has the value given.</summary>
    static abstract R SigmaSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>;
}

/// <summary>
/// Version v0: a tap's weight is shared by the 2ⁿ cells around it, 1 − r at ⌊q⌋ and r at ⌊q⌋ + 1; what falls off the grid is lost. At an integer position the slope is
/// the difference to the next cell, as in the official code.
/// </summary>
public readonly struct Bilinear : IBump
{
    /// <inheritdoc/>
    public static string Version => "v0";
    /// <inheritdoc/>
    public static bool Normalised => false;
    /// <inheritdoc/>
    public static bool HasSigma => false;
    /// <inheritdoc/>
    public static bool IsCompact => true;
    /// <inheritdoc/>
    public static double NarrowestSigma(int denseAxes, Convention convention) => 1;
    /// <inheritdoc/>
    public static double InitialSig => 0;
    /// <summary>Rows are (height, width) in 2-d and (depth, width, height) in 3-d, as the official code reads them; (width, height) in the convention of that name.</summary>
    public static int Axis(int row, int rank, Convention convention)
        => rank == 2 && convention == Convention.OfficialWidthFirst ? 1 - row : rank < 3 || row == 0 ? row : 3 - row;
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Value<R>(R n, R p, R sig, R narrowest) where R : struct, IReal<R> => Triangle.Value(n, p, sig, narrowest);
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R PositionSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>
    {
        R left = R.Select(R.Greater(n + narrowest, p), R.Of(-1), R.Of(0)), right = R.Select(R.Greater(n - narrowest, p), R.Of(0), R.Of(1));
        return R.Select(R.Greater(n, p), right, left);
    }
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R SigmaSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R> => R.Of(0);
}

/// <summary>Version v1: f = relu(1 − |d|), normalised. At an integer position its slope is 0.</summary>
public readonly struct Triangle : IBump
{
    /// <inheritdoc/>
    public static string Version => "v1";
    /// <inheritdoc/>
    public static bool Normalised => true;
    /// <inheritdoc/>
    public static bool HasSigma => false;
    /// <inheritdoc/>
    public static bool IsCompact => true;
    /// <inheritdoc/>
    public static double NarrowestSigma(int denseAxes, Convention convention) => 1;
    /// <inheritdoc/>
    public static double InitialSig => 0;
    /// <summary>Rows are the axes from the last to the first: (width, height), (width, height, depth).</summary>
    public static int Axis(int row, int rank, Convention convention) => rank - 1 - row;
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Value<R>(R n, R p, R sig, R narrowest) where R : struct, IReal<R>
        => R.Max(R.Min(p - (n - narrowest), n + narrowest - p) + sig, R.Of(0));
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R PositionSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>
    {
        R sign = R.Select(R.Greater(n, p), R.Of(1), R.Select(R.Greater(p, n), R.Of(-1), R.Of(0)));
        return R.Select(R.Greater(f, R.Of(0)), sign, R.Of(0));
    }
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R SigmaSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R> => R.Select(R.Greater(f, R.Of(0)), R.Of(1), R.Of(0));
}

/// <summary>Version max: f = relu(σ − |d|) with σ = |SIG| + 1, normalised: a triangle of learned half-width. SIG starts at 0, where |SIG| has slope 0: it then never moves.</summary>
public readonly struct TriangleWide : IBump
{
    /// <inheritdoc/>
    public static string Version => "max";
    /// <inheritdoc/>
    public static bool Normalised => true;
    /// <inheritdoc/>
    public static bool HasSigma => true;
    /// <inheritdoc/>
    public static bool IsCompact => true;
    /// <inheritdoc/>
    public static double NarrowestSigma(int denseAxes, Convention convention) => 1;
    /// <inheritdoc/>
    public static double InitialSig => 0;
    /// <inheritdoc cref="Triangle.Axis"/>
    public static int Axis(int row, int rank, Convention convention) => Triangle.Axis(row, rank, convention);
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Value<R>(R n, R p, R sig, R narrowest) where R : struct, IReal<R> => Triangle.Value(n, p, sig, narrowest);
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R PositionSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R> => Triangle.PositionSlope(f, n, p, sig, narrowest);
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R SigmaSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R> => Triangle.SigmaSlope(f, n, p, sig, narrowest);
}

/// <summary>Version gauss: f = exp(−d²/2σ²) with σ = |SIG| + 0.27, normalised, not truncated.</summary>
public readonly struct Gauss : IBump
{
    /// <inheritdoc/>
    public static string Version => "gauss";
    /// <inheritdoc/>
    public static bool Normalised => true;
    /// <inheritdoc/>
    public static bool HasSigma => true;
    /// <inheritdoc/>
    public static bool IsCompact => false;
    /// <summary>0.27; the official layers with one dense axis (Dcls2_1d, but not Dcls3_1d) have 1.</summary>
    public static double NarrowestSigma(int denseAxes, Convention convention) => convention != Convention.Centered && denseAxes == 1 ? 1 : 0.27;
    /// <inheritdoc/>
    public static double InitialSig => 0.23;

    /// <summary>Below it a bell is 0 in single precision: what it is divided by is at least 1e-7, and processors take a hundred times as long for a product of the smallest numbers.</summary>
    const double Negligible = 1e-16;

    /// <inheritdoc cref="Triangle.Axis"/>
    public static int Axis(int row, int rank, Convention convention) => Triangle.Axis(row, rank, convention);
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Value<R>(R n, R p, R sig, R narrowest) where R : struct, IReal<R>
    {
        R inverse = R.Of(1) / (sig + narrowest), z = (n - p) * inverse, bell = R.Exp(R.Of(-0.5) * z * z);
        return R.IsSingle ? R.Select(R.Greater(bell, R.Of(Negligible)), bell, R.Of(0)) : bell;
    }
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R PositionSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>
    {
        R inverse = R.Of(1) / (sig + narrowest);
        return f * (n - p) * (inverse * inverse);
    }
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R SigmaSlope<R>(R f, R n, R p, R sig, R narrowest) where R : struct, IReal<R>
    {
        R inverse = R.Of(1) / (sig + narrowest), z = (n - p) * inverse;
        return f * z * z * inverse;
    }
}
