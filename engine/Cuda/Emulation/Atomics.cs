namespace MiniTorch.Cuda.Emulation;

/// <summary>What an atomic instruction makes of the old value.</summary>
internal interface IAtomic<T>
{
    static abstract T Of(T old, T b, T c);
}

/// <summary>Atomic instructions: lane after lane, so that those of one warp at one address follow each other; other threads of this process may run other blocks.</summary>
internal static unsafe class Atomics
{
    internal static void Run<TSpace, TOp, T>(Warp w, Operation* o, uint mask) where TSpace : ISpace where TOp : IAtomic<T> where T : unmanaged
    {
        TSpace.Resolve(w, o, mask, sizeof(T), Access.Update);
        T* d = o->D < 0 ? null : w.Register<T>(o->D), b = w.Register<T>(o->B), c = o->C < 0 ? b : w.Register<T>(o->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            T* at = (T*)w.At[l];
            T old, next = default;
            do
            {
                old = *at;
                next = TOp.Of(old, b[l], c[l]);
            }
            while (!Exchange(at, next, old));
            if (d != null) d[l] = old;
        }
    }

    static bool Exchange<T>(T* at, T next, T old) where T : unmanaged
        => sizeof(T) == 4 ? Interlocked.CompareExchange(ref *(uint*)at, *(uint*)&next, *(uint*)&old) == *(uint*)&old
            : Interlocked.CompareExchange(ref *(ulong*)at, *(ulong*)&next, *(ulong*)&old) == *(ulong*)&old;
}

/// <summary>old + b.</summary>
internal readonly struct AtomicAdd<T> : IAtomic<T> where T : IAdditionOperators<T, T, T>
{
    public static T Of(T old, T b, T c) => old + b;
}

/// <summary>The smaller.</summary>
internal readonly struct AtomicMin<T> : IAtomic<T> where T : INumber<T>
{
    public static T Of(T old, T b, T c) => T.Min(old, b);
}

/// <summary>The larger.</summary>
internal readonly struct AtomicMax<T> : IAtomic<T> where T : INumber<T>
{
    public static T Of(T old, T b, T c) => T.Max(old, b);
}

/// <summary>Common bits.</summary>
internal readonly struct AtomicAnd<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
{
    public static T Of(T old, T b, T c) => old & b;
}

/// <summary>Bits of either.</summary>
internal readonly struct AtomicOr<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
{
    public static T Of(T old, T b, T c) => old | b;
}

/// <summary>Bits of one of the two.</summary>
internal readonly struct AtomicXor<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
{
    public static T Of(T old, T b, T c) => old ^ b;
}

/// <summary>b.</summary>
internal readonly struct AtomicExchange<T> : IAtomic<T>
{
    public static T Of(T old, T b, T c) => b;
}

/// <summary>c where the old value is b.</summary>
internal readonly struct AtomicCompare<T> : IAtomic<T> where T : IEqualityOperators<T, T, bool>
{
    public static T Of(T old, T b, T c) => old == b ? c : old;
}

/// <summary>One more, 0 after b.</summary>
internal readonly struct AtomicIncrement : IAtomic<uint>
{
    public static uint Of(uint old, uint b, uint c) => old >= b ? 0 : old + 1;
}

/// <summary>One less, b after 0.</summary>
internal readonly struct AtomicDecrement : IAtomic<uint>
{
    public static uint Of(uint old, uint b, uint c) => old == 0 || old > b ? b : old - 1;
}
