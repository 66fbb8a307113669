using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Equal.</summary>
internal readonly struct Equal<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b);
}

/// <summary>Different, and both are numbers.</summary>
internal readonly struct NotEqual<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => ~Vector256.Equals(a, b) & Vector256.Equals(a, a) & Vector256.Equals(b, b);
}

/// <summary>Less.</summary>
internal readonly struct Less<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);
}

/// <summary>Less or equal.</summary>
internal readonly struct LessOrEqual<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b);
}

/// <summary>Greater.</summary>
internal readonly struct Greater<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThan(a, b);
}

/// <summary>Greater or equal.</summary>
internal readonly struct GreaterOrEqual<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.GreaterThanOrEqual(a, b);
}

/// <summary>Both are numbers.</summary>
internal readonly struct Ordered<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, a) & Vector256.Equals(b, b);
}

/// <summary>The relation holds, or one of the two is no number.</summary>
internal readonly struct OrUnordered<TRelation, T> : IBinary<T> where TRelation : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => TRelation.Of(a, b) | ~Ordered<T>.Of(a, b);
}

/// <summary>Nothing holds: with <see cref="OrUnordered{TRelation, T}"/> the test for what is no number.</summary>
internal readonly struct Never<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256<T>.Zero;
}

/// <summary>A relation of 16 bits with sign.</summary>
internal readonly struct Extended16<TRelation> : IBinary<int> where TRelation : IBinary<int>
{
    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b) => TRelation.Of(a << 16 >> 16, b << 16 >> 16);
}

/// <summary>A relation of which subnormal operands count as 0.</summary>
internal readonly struct FlushedRelation<TRelation> : IBinary<float> where TRelation : IBinary<float>
{
    public static Vector256<float> Of(Vector256<float> a, Vector256<float> b) => TRelation.Of(Subnormal.Flush(a), Subnormal.Flush(b));
}

/// <summary>setp and the logic of predicates.</summary>
internal static unsafe class Compare
{
    /// <summary>Modifiers: how the result is combined with the predicate in C.</summary>
    internal const int And = 1, Or = 2, Xor = 3;

    /// <summary>Modifier: the predicate that is read counts the other way round.</summary>
    internal const int NegatedSource = 8;

    internal static void Set<TRelation, T>(Warp w, Operation* o, uint mask) where TRelation : IBinary<T> where T : unmanaged
    {
        Vector256<T>* a = w.Register<Vector256<T>>(o->A), b = w.Register<Vector256<T>>(o->B);
        uint result = 0;
        for (int i = 0; i < sizeof(T); i++) result |= Vector256.ExtractMostSignificantBits(TRelation.Of(a[i], b[i])) << (sizeof(T) == 4 ? 8 : 4) * i;
        Keep(w, o, mask, result);
    }

    /// <summary>Writes d, and the opposite to the second half of d|q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Keep(Warp w, Operation* o, uint mask, uint result)
    {
        uint opposite = ~result;
        if (o->C >= 0)
        {
            uint other = *w.Register<uint>(o->C) ^ ((o->Modifier & NegatedSource) != 0 ? uint.MaxValue : 0);
            (result, opposite) = (Combine(o->Modifier & 3, result, other), Combine(o->Modifier & 3, opposite, other));
        }
        uint* d = w.Register<uint>(o->D);
        *d = *d & ~mask | result & mask;
        if (o->E < 0) return;
        d = w.Register<uint>(o->E);
        *d = *d & ~mask | opposite & mask;
    }

    static uint Combine(int how, uint a, uint b) => how switch { And => a & b, Or => a | b, _ => a ^ b };

    internal static void Predicates<TOp>(Warp w, Operation* o, uint mask) where TOp : IEach<uint, uint, uint>
    {
        uint* d = w.Register<uint>(o->D);
        *d = *d & ~mask | TOp.Of(*w.Register<uint>(o->A), o->B < 0 ? 0 : *w.Register<uint>(o->B)) & mask;
    }

    internal static void Test<TTest>(Warp w, Operation* o, uint mask) where TTest : IEach<uint, bool>
    {
        uint* a = w.Register<uint>(o->A), d = w.Register<uint>(o->D);
        uint result = 0;
        for (int l = 0; l < Warp.Lanes; l++) result |= TTest.Of(a[l]) ? 1u << l : 0;
        *d = *d & ~mask | result & mask;
    }
}

/// <summary>Both predicates.</summary>
internal readonly struct BothOf : IEach<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => a & b;
}

/// <summary>One of two predicates or both.</summary>
internal readonly struct EitherOf : IEach<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => a | b;
}

/// <summary>One of two predicates.</summary>
internal readonly struct OneOf : IEach<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => a ^ b;
}

/// <summary>Not the predicate.</summary>
internal readonly struct OppositeOf : IEach<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => ~a;
}

/// <summary>The predicate.</summary>
internal readonly struct ThatOf : IEach<uint, uint, uint>
{
    public static uint Of(uint a, uint b) => a;
}

/// <summary>A finite number.</summary>
internal readonly struct IsFinite : IEach<uint, bool>
{
    public static bool Of(uint a) => (a & 0x7F800000) != 0x7F800000;
}

/// <summary>Infinite.</summary>
internal readonly struct IsInfinite : IEach<uint, bool>
{
    public static bool Of(uint a) => (a & 0x7FFFFFFF) == 0x7F800000;
}

/// <summary>A number, infinite or not.</summary>
internal readonly struct IsNumber : IEach<uint, bool>
{
    public static bool Of(uint a) => (a & 0x7FFFFFFF) <= 0x7F800000;
}

/// <summary>No number.</summary>
internal readonly struct IsNotNumber : IEach<uint, bool>
{
    public static bool Of(uint a) => !IsNumber.Of(a);
}

/// <summary>A number with full precision.</summary>
internal readonly struct IsNormal : IEach<uint, bool>
{
    public static bool Of(uint a) => IsFinite.Of(a) && (a & 0x7F800000) != 0;
}

/// <summary>Not 0, but below the normal numbers.</summary>
internal readonly struct IsSubnormal : IEach<uint, bool>
{
    public static bool Of(uint a) => (a & 0x7F800000) == 0 && (a & 0x7FFFFF) != 0;
}
