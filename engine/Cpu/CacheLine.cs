using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch;

/// <summary>What the processor moves between memory and caches at once.</summary>
static unsafe class CacheLine
{
    /// <summary>Size of a line.</summary>
    internal const int Bytes = 64;

    /// <summary>Elements of a line.</summary>
    internal static int Of<T>() where T : unmanaged => Bytes / sizeof(T);

    /// <summary>Asks for the line around an address, which need not be valid, and does not wait for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch(void* at)
    {
        if (Sse.IsSupported) Sse.Prefetch0(at);
    }

    /// <summary>Asks for the lines of <paramref name="count"/> places that are <paramref name="step"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch<T>(T* at, nint step, int count) where T : unmanaged
    {
        for (; count > 0; count--, at += step) Prefetch(at);
    }
}
