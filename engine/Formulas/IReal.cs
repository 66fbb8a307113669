using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>
/// Arithmetic that a formula is written in. A formula is written once as a generic method over R and instantiated with SIMD lanes (the CPU kernels), with steps of
/// PTX (the CUDA kernels) and with <see cref="Dual"/> numbers (the exact derivative that tests a hand-written slope). Comparisons give a mask, which only <see cref="Select"/> reads.
/// </summary>
public interface IReal<R> where R : struct, IReal<R>
{
    /// <summary>True for numbers of 24 bits: a formula may then take a shorter way that is good to about 1e-7.</summary>
    static abstract bool IsSingle { get; }
    /// <summary>A constant.</summary>
    static abstract R Of(double value);
    /// <summary>a + b.</summary>
    static abstract R operator +(R a, R b);
    /// <summary>a − b.</summary>
    static abstract R operator -(R a, R b);
    /// <summary>a · b.</summary>
    static abstract R operator *(R a, R b);
    /// <summary>a / b.</summary>
    static abstract R operator /(R a, R b);
    /// <summary>−a.</summary>
    static abstract R operator -(R a);
    /// <summary>a · b + c, rounded once.</summary>
    static abstract R MultiplyAdd(R a, R b, R c);
    /// <summary>The smaller; NaN if either is.</summary>
    static abstract R Min(R a, R b);
    /// <summary>The larger; NaN if either is.</summary>
    static abstract R Max(R a, R b);
    /// <summary>|a|, of slope 0 at 0.</summary>
    static abstract R Abs(R a);
    /// <summary>√a.</summary>
    static abstract R Sqrt(R a);
    /// <summary>The largest integer not above a.</summary>
    static abstract R Floor(R a);
    /// <summary>eᵃ.</summary>
    static abstract R Exp(R a);
    /// <summary>Natural logarithm.</summary>
    static abstract R Log(R a);
    /// <summary>Error function 2/√π ∫₀ᵃ exp(−t²) dt.</summary>
    static abstract R Erf(R a);
    /// <summary>Hyperbolic tangent.</summary>
    static abstract R Tanh(R a);
    /// <summary>Mask of a &gt; b.</summary>
    static abstract R Greater(R a, R b);
    /// <summary>Mask of a = b.</summary>
    static abstract R Equal(R a, R b);
    /// <summary>a where the mask holds, else b.</summary>
    static abstract R Select(R mask, R a, R b);
}

/// <summary>Real numbers in binary floating point, which can be taken apart: what elementary functions are made of.</summary>
public interface IFloat<R> : IReal<R> where R : struct, IFloat<R>
{
    /// <summary>The larger of a and a bound that is a number; NaN where a is. One instruction, where <see cref="IReal{R}.Max"/> takes several.</summary>
    static abstract R AtLeast(R a, R bound);
    /// <summary>The smaller of a and a bound that is a number; NaN where a is.</summary>
    static abstract R AtMost(R a, R bound);
    /// <summary>Nearest integer, ties to even.</summary>
    static abstract R Round(R a);
    /// <summary>2ⁿ for integer n within the exponent range.</summary>
    static abstract R PowerOfTwo(R n);
    /// <summary>The exponent e of a normal positive a = m · 2ᵉ with m in [½, 1).</summary>
    static abstract R Exponent(R a);
    /// <summary>The m in [½, 1) of a normal positive a = m · 2ᵉ.</summary>
    static abstract R Mantissa(R a);
}

/// <summary>Real numbers that are one SIMD register of <typeparamref name="T"/>: what CPU kernels are written in, whatever the width.</summary>
public unsafe interface ILanes<V, T> : IFloat<V> where V : struct, ILanes<V, T> where T : unmanaged
{
    /// <summary>Elements in a register.</summary>
    static abstract int Count { get; }
    /// <summary>The same value in each lane.</summary>
    static abstract V All(T value);
    /// <summary>Reads a register; no alignment is required.</summary>
    static abstract V Load(T* from);
    /// <summary>Writes the register; no alignment is required.</summary>
    void Store(T* to);
    /// <summary>Writes the register past the caches, to an address that is a multiple of its size: for results too large to be still cached when they are read.</summary>
    void Stream(T* to);
    /// <summary>Sum of the lanes, in a fixed order.</summary>
    T Sum();
}

/// <summary>Reads and writes of fewer elements than a register holds; the arithmetic on them is then the same as everywhere else.</summary>
public static unsafe class Lanes
{
    /// <summary>The widest register any carrier has, in bytes.</summary>
    public const int MaxBytes = 64;

    const long StreamBytes = 24 << 20;

    /// <summary>Reads n ≤ Count elements; the other lanes hold 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Read<V, T>(T* from, int n) where V : struct, ILanes<V, T> where T : unmanaged => n == V.Count ? V.Load(from) : LoadPartial<V, T>(from, n);

    /// <summary>Writes the first n ≤ Count lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<V, T>(V value, T* to, int n) where V : struct, ILanes<V, T> where T : unmanaged
    {
        if (n == V.Count) value.Store(to);
        else StorePartial(value, to, n);
    }

    /// <summary>
    /// Whether part of a result of <paramref name="count"/> elements, from <paramref name="to"/> on, should go past the caches (<see cref="ILanes{V, T}.Stream"/>): it is as large as
    /// a last-level cache, so that who reads it next will not find its beginning there, and a streamed line need not be read before it is written. What
    /// another thread reads is complete: handing items out and in is done by locked instructions, which wait for streamed stores.
    /// </summary>
    public static bool Streams<V, T>(T* to, long count) where V : struct, ILanes<V, T> where T : unmanaged
        => count * sizeof(T) >= StreamBytes && (nuint)to % (nuint)(V.Count * sizeof(T)) == 0;

    /// <summary>Writes the register, past the caches if <paramref name="stream"/> says so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put<V, T>(V value, T* to, bool stream) where V : struct, ILanes<V, T> where T : unmanaged
    {
        if (stream) value.Stream(to);
        else value.Store(to);
    }

    /// <summary>Reads n &lt; Count elements; the other lanes hold <paramref name="rest"/>.</summary>
    public static V LoadPartial<V, T>(T* from, int n, T rest = default) where V : struct, ILanes<V, T> where T : unmanaged
    {
        T* buffer = stackalloc T[V.Count];
        for (int i = 0; i < V.Count; i++) buffer[i] = i < n ? from[i] : rest;
        return V.Load(buffer);
    }

    /// <summary>Writes the first n &lt; Count lanes.</summary>
    public static void StorePartial<V, T>(V value, T* to, int n) where V : struct, ILanes<V, T> where T : unmanaged
    {
        T* buffer = stackalloc T[V.Count];
        value.Store(buffer);
        for (int i = 0; i < n; i++) to[i] = buffer[i];
    }
}
