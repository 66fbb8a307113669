using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>Whether the largest parts of a signal are wanted.</summary>
interface IWatch
{
    /// <summary>True if they are.</summary>
    static abstract bool Value { get; }
}

/// <summary>The largest parts are wanted.</summary>
readonly struct Watched : IWatch
{
    /// <inheritdoc/>
    public static bool Value => true;
}

/// <summary>Nobody asks for the largest parts.</summary>
readonly struct Unwatched : IWatch
{
    /// <inheritdoc/>
    public static bool Value => false;
}

/// <summary>
/// A row of a strip as real and a row of another as imaginary parts, pixels a step apart; the points behind the last pixel read as zeros and are not written. What is
/// written gets the bias.
/// </summary>
readonly unsafe struct Strips<T, V, W>(T* a, nint stepA, T* b, nint stepB, int wide, V bias, bool stream = false) : ISignal<T, V>, IResult<T, V>
    where T : unmanaged where V : struct, ILanes<V, T> where W : struct, IWatch
{
    /// <inheritdoc/>
    public static bool Watched => W.Value;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Re(nint point) => point < wide ? V.Load(a + point * stepA) : V.Of(0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Im(nint point) => point < wide ? V.Load(b + point * stepB) : V.Of(0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(nint point, V re, V im)
    {
        if (point >= wide) return;
        Lanes.Put(re + bias, a + point * stepA, stream && point > 0);       // the first point is looked at once more
        Lanes.Put(im + bias, b + point * stepB, stream && point > 0);
    }
}

/// <summary>The same for the last channels, which fill a register in part, and for strips that are read and written times a factor of their own.</summary>
readonly unsafe struct AnyStrips<T, V, W>(T* a, nint stepA, T* b, nint stepB, int wide, int lanes, V factorA, V factorB, V bias) : ISignal<T, V>, IResult<T, V>
    where T : unmanaged where V : struct, ILanes<V, T> where W : struct, IWatch
{
    /// <inheritdoc/>
    public static bool Watched => W.Value;

    /// <inheritdoc/>
    public V Re(nint point) => point < wide ? Lanes.Read<V, T>(a + point * stepA, lanes) * factorA : V.Of(0);

    /// <inheritdoc/>
    public V Im(nint point) => point < wide ? Lanes.Read<V, T>(b + point * stepB, lanes) * factorB : V.Of(0);

    /// <inheritdoc/>
    public void Store(nint point, V re, V im)
    {
        if (point >= wide) return;
        Lanes.Write<V, T>(V.MultiplyAdd(re, factorA, bias), a + point * stepA, lanes);
        Lanes.Write<V, T>(V.MultiplyAdd(im, factorB, bias), b + point * stepB, lanes);
    }
}
