using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Bits of both.</summary>
internal readonly struct And<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a & b;
}

/// <summary>Bits of either.</summary>
internal readonly struct Or<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a | b;
}

/// <summary>Bits of one of the two.</summary>
internal readonly struct Xor<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => a ^ b;
}

/// <summary>The other bits.</summary>
internal readonly struct Not<T> : IUnary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a) => ~a;
}

/// <summary>The other sign; the least number stays.</summary>
internal readonly struct Opposite<T> : IUnary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a) => -a;
}

/// <summary>The smaller integer.</summary>
internal readonly struct Smaller<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b);
}

/// <summary>The larger integer.</summary>
internal readonly struct Larger<T> : IBinary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b);
}

/// <summary>Lower half of the product, and the sum.</summary>
internal readonly struct MultiplyThenAdd<T> : ITernary<T> where T : unmanaged
{
    public static Vector256<T> Of(Vector256<T> a, Vector256<T> b, Vector256<T> c) => a * b + c;
}

/// <summary>Shift to the left; 0 from the width on.</summary>
internal readonly struct ShiftLeft : IBinary<uint>, IBinary<ulong>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Of(Vector256<uint> a, Vector256<uint> b)
    {
        if (Avx2.IsSupported) return Avx2.ShiftLeftLogicalVariable(a, b);
        for (int i = 0; i < 8; i++) a = a.WithElement(i, b[i] < 32 ? a[i] << (int)b[i] : 0);
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Of(Vector256<ulong> a, Vector256<ulong> b)
    {
        if (Avx2.IsSupported) return Avx2.ShiftLeftLogicalVariable(a, b);
        for (int i = 0; i < 4; i++) a = a.WithElement(i, b[i] < 64 ? a[i] << (int)b[i] : 0);
        return a;
    }
}

/// <summary>Shift to the right, zeros from above.</summary>
internal readonly struct ShiftRight : IBinary<uint>, IBinary<ulong>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Of(Vector256<uint> a, Vector256<uint> b)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightLogicalVariable(a, b);
        for (int i = 0; i < 8; i++) a = a.WithElement(i, b[i] < 32 ? a[i] >> (int)b[i] : 0);
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Of(Vector256<ulong> a, Vector256<ulong> b)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightLogicalVariable(a, b);
        for (int i = 0; i < 4; i++) a = a.WithElement(i, b[i] < 64 ? a[i] >> (int)b[i] : 0);
        return a;
    }
}

/// <summary>Shift to the right, the sign from above.</summary>
internal readonly struct ShiftRightSigned : IBinary<int>, IBinary<ulong>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b)
    {
        if (Avx2.IsSupported) return Avx2.ShiftRightArithmeticVariable(a, b.AsUInt32());
        for (int i = 0; i < 8; i++) a = a.WithElement(i, a[i] >> (int)Math.Min((uint)b[i], 31));
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Of(Vector256<ulong> a, Vector256<ulong> b)
    {
        for (int i = 0; i < 4; i++) a = a.WithElement(i, (ulong)((long)a[i] >> (int)Math.Min(b[i], 63)));
        return a;
    }
}

/// <summary>Of 16 bits without sign, which lanes hold with zeros above.</summary>
internal readonly struct Unsigned16<TOp> : IBinary<uint>, ITernary<uint> where TOp : IBinary<uint>
{
    public static Vector256<uint> Of(Vector256<uint> a, Vector256<uint> b) => TOp.Of(a, b) & Vector256.Create(0xFFFFu);

    public static Vector256<uint> Of(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => TOp.Of(a, b) + c & Vector256.Create(0xFFFFu);
}

/// <summary>Of 16 bits with sign.</summary>
internal readonly struct Signed16<TOp> : IBinary<int> where TOp : IBinary<int>
{
    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b) => TOp.Of(Extend(a), Extend(b)) & Vector256.Create(0xFFFF);

    internal static Vector256<int> Extend(Vector256<int> a) => a << 16 >> 16;
}

/// <summary>Shift of 16 bits to the right, the sign from above.</summary>
internal readonly struct ShiftRightSigned16 : IBinary<int>
{
    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b) => ShiftRightSigned.Of(a << 16 >> 16, b) & Vector256.Create(0xFFFF);
}

/// <summary>A function of one register of 16 bits with sign.</summary>
internal readonly struct SignedUnary16<TOp> : IUnary<int> where TOp : IUnary<int>
{
    public static Vector256<int> Of(Vector256<int> a) => TOp.Of(a << 16 >> 16) & Vector256.Create(0xFFFF);
}

/// <summary>Upper half of the product of 16 bits: of lanes that hold 32.</summary>
internal readonly struct UpperOf16 : IBinary<uint>, IBinary<int>
{
    public static Vector256<uint> Of(Vector256<uint> a, Vector256<uint> b) => a * b >> 16;

    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b) => a * b >> 16;
}

/// <summary>Whole product of 16 bits with sign.</summary>
internal readonly struct WideSigned16 : IBinary<int>
{
    public static Vector256<int> Of(Vector256<int> a, Vector256<int> b) => (a << 16 >> 16) * (b << 16 >> 16);
}
