using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>A function of one register, a vector of lanes at a time.</summary>
internal interface IUnary<T> where T : unmanaged
{
    static abstract Vector256<T> Of(Vector256<T> a);
}

/// <summary>A function of two registers.</summary>
internal interface IBinary<T> where T : unmanaged
{
    static abstract Vector256<T> Of(Vector256<T> a, Vector256<T> b);
}

/// <summary>A function of three registers.</summary>
internal interface ITernary<T> where T : unmanaged
{
    static abstract Vector256<T> Of(Vector256<T> a, Vector256<T> b, Vector256<T> c);
}

/// <summary>A function of one lane, where processors have no vector form of it.</summary>
internal interface IEach<TA, TD>
{
    static abstract TD Of(TA a);
}

/// <summary>A function of two values of a lane.</summary>
internal interface IEach<TA, TB, TD>
{
    static abstract TD Of(TA a, TB b);
}

/// <summary>A function of three values of a lane.</summary>
internal interface IEach<TA, TB, TC, TD>
{
    static abstract TD Of(TA a, TB b, TC c);
}

/// <summary>
/// Executors of functions on the 32 lanes of a warp. A register of 4 or 8 bytes a lane is 4 or 8 vectors; lanes outside of the mask keep what they had. Destination and
/// source may be the same slot: each vector is read before it is written.
/// </summary>
internal static unsafe class Lane
{
    /// <summary>All ones in the lanes of vector <paramref name="i"/> that the mask holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<T> Mask<T>(uint mask, int i) where T : unmanaged
    {
        if (sizeof(T) == 8)
        {
            Vector256<ulong> bit = Vector256.Create(1UL, 2, 4, 8);
            return Vector256.Equals(Vector256.Create((ulong)(mask >> 4 * i)) & bit, bit).As<ulong, T>();
        }
        Vector256<uint> bits = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.Equals(Vector256.Create(mask >> 8 * i) & bits, bits).As<uint, T>();
    }

    internal static void Unary<TOp, T>(Warp w, Operation* o, uint mask) where TOp : IUnary<T> where T : unmanaged
    {
        Vector256<T>* d = w.Register<Vector256<T>>(o->D), a = w.Register<Vector256<T>>(o->A);
        if (mask == uint.MaxValue) for (int i = 0; i < sizeof(T); i++) d[i] = TOp.Of(a[i]);
        else for (int i = 0; i < sizeof(T); i++) d[i] = Vector256.ConditionalSelect(Mask<T>(mask, i), TOp.Of(a[i]), d[i]);
    }

    internal static void Binary<TOp, T>(Warp w, Operation* o, uint mask) where TOp : IBinary<T> where T : unmanaged
    {
        Vector256<T>* d = w.Register<Vector256<T>>(o->D), a = w.Register<Vector256<T>>(o->A), b = w.Register<Vector256<T>>(o->B);
        if (mask == uint.MaxValue) for (int i = 0; i < sizeof(T); i++) d[i] = TOp.Of(a[i], b[i]);
        else for (int i = 0; i < sizeof(T); i++) d[i] = Vector256.ConditionalSelect(Mask<T>(mask, i), TOp.Of(a[i], b[i]), d[i]);
    }

    internal static void Ternary<TOp, T>(Warp w, Operation* o, uint mask) where TOp : ITernary<T> where T : unmanaged
    {
        Vector256<T>* d = w.Register<Vector256<T>>(o->D), a = w.Register<Vector256<T>>(o->A), b = w.Register<Vector256<T>>(o->B), c = w.Register<Vector256<T>>(o->C);
        if (mask == uint.MaxValue) for (int i = 0; i < sizeof(T); i++) d[i] = TOp.Of(a[i], b[i], c[i]);
        else for (int i = 0; i < sizeof(T); i++) d[i] = Vector256.ConditionalSelect(Mask<T>(mask, i), TOp.Of(a[i], b[i], c[i]), d[i]);
    }

    internal static void Each<TOp, TA, TD>(Warp w, Operation* o, uint mask) where TOp : IEach<TA, TD> where TA : unmanaged where TD : unmanaged
    {
        TD* d = w.Register<TD>(o->D);
        TA* a = w.Register<TA>(o->A);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            d[l] = TOp.Of(a[l]);
        }
    }

    internal static void Each<TOp, TA, TB, TD>(Warp w, Operation* o, uint mask) where TOp : IEach<TA, TB, TD> where TA : unmanaged where TB : unmanaged where TD : unmanaged
    {
        TD* d = w.Register<TD>(o->D);
        TA* a = w.Register<TA>(o->A);
        TB* b = w.Register<TB>(o->B);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            d[l] = TOp.Of(a[l], b[l]);
        }
    }

    internal static void Each<TOp, TA, TB, TC, TD>(Warp w, Operation* o, uint mask)
        where TOp : IEach<TA, TB, TC, TD> where TA : unmanaged where TB : unmanaged where TC : unmanaged where TD : unmanaged
    {
        TD* d = w.Register<TD>(o->D);
        TA* a = w.Register<TA>(o->A);
        TB* b = w.Register<TB>(o->B);
        TC* c = w.Register<TC>(o->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            d[l] = TOp.Of(a[l], b[l], c[l]);
        }
    }

    /// <summary>Keeps bits where the predicate in C holds: d = c ? a : b.</summary>
    internal static void Select<T>(Warp w, Operation* o, uint mask) where T : unmanaged
    {
        uint choice = *w.Register<uint>(o->C);
        Vector256<T>* d = w.Register<Vector256<T>>(o->D), a = w.Register<Vector256<T>>(o->A), b = w.Register<Vector256<T>>(o->B);
        for (int i = 0; i < sizeof(T); i++)
        {
            Vector256<T> chosen = Vector256.ConditionalSelect(Mask<T>(choice, i), a[i], b[i]);
            d[i] = mask == uint.MaxValue ? chosen : Vector256.ConditionalSelect(Mask<T>(mask, i), chosen, d[i]);
        }
    }

    internal static void Move<T>(Warp w, Operation* o, uint mask) where T : unmanaged
    {
        Vector256<T>* d = w.Register<Vector256<T>>(o->D), a = w.Register<Vector256<T>>(o->A);
        for (int i = 0; i < sizeof(T); i++) d[i] = mask == uint.MaxValue ? a[i] : Vector256.ConditionalSelect(Mask<T>(mask, i), a[i], d[i]);
    }
}
