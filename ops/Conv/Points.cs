using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>What a transform reads its points from.</summary>
interface ISignal<T, V> where T : unmanaged where V : struct, ILanes<V, T>
{
    /// <summary>Whether the largest parts are wanted.</summary>
    static abstract bool Watched { get; }

    /// <summary>The real part of a point; may be read in any order, before anything at the same or a later place is written.</summary>
    V Re(nint point);

    /// <summary>The imaginary part.</summary>
    V Im(nint point);
}

/// <summary>What a transform back hands its points to.</summary>
interface IResult<T, V> where T : unmanaged where V : struct, ILanes<V, T>
{
    /// <summary>Takes a point.</summary>
    void Store(nint point, V re, V im);
}

/// <summary>Points in memory: a register of real parts, then one of imaginary parts.</summary>
readonly unsafe struct Points<T, V>(T* z) : ISignal<T, V>, IResult<T, V> where T : unmanaged where V : struct, ILanes<V, T>
{
    /// <inheritdoc/>
    public static bool Watched => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Re(nint point) => V.Load(z + point * (2 * V.Count));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Im(nint point) => V.Load(z + point * (2 * V.Count) + V.Count);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(nint point, V re, V im)
    {
        re.Store(z + point * (2 * V.Count));
        im.Store(z + point * (2 * V.Count) + V.Count);
    }
}
