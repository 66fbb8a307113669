using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Instructions whose registers differ in width: 32 bits to 64 and back, halves put together and taken apart.</summary>
internal static unsafe class Widths
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<ulong> Widen(uint* from) => Vector256.WidenLower(Vector128.Load(from).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<ulong> WidenSigned(uint* from) => Vector256.WidenLower(Vector128.Load((int*)from).ToVector256Unsafe()).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector256<ulong>* d, int i, uint mask, Vector256<ulong> value)
        => d[i] = mask == uint.MaxValue ? value : Vector256.ConditionalSelect(Lane.Mask<ulong>(mask, i), value, d[i]);

    internal static void FromUnsigned(Warp w, Operation* o, uint mask)
    {
        Vector256<ulong>* d = w.Register<Vector256<ulong>>(o->D);
        uint* a = w.Register<uint>(o->A);
        for (int i = 0; i < 8; i++) Put(d, i, mask, Widen(a + 4 * i));
    }

    internal static void FromSigned(Warp w, Operation* o, uint mask)
    {
        Vector256<ulong>* d = w.Register<Vector256<ulong>>(o->D);
        uint* a = w.Register<uint>(o->A);
        for (int i = 0; i < 8; i++) Put(d, i, mask, WidenSigned(a + 4 * i));
    }

    internal static void Lower(Warp w, Operation* o, uint mask)
    {
        Vector256<uint>* d = w.Register<Vector256<uint>>(o->D);
        Vector256<ulong>* a = w.Register<Vector256<ulong>>(o->A);
        for (int i = 0; i < 4; i++)
        {
            Vector256<uint> lower = Vector256.Narrow(a[2 * i], a[2 * i + 1]);
            d[i] = mask == uint.MaxValue ? lower : Vector256.ConditionalSelect(Lane.Mask<uint>(mask, i), lower, d[i]);
        }
    }

    /// <summary>Product of two registers of 32 bits in 64, and the sum with C if there is one.</summary>
    internal static void Product(Warp w, Operation* o, uint mask)
    {
        Vector256<ulong>* d = w.Register<Vector256<ulong>>(o->D), c = w.Register<Vector256<ulong>>(o->C);
        uint* a = w.Register<uint>(o->A), b = w.Register<uint>(o->B);
        for (int i = 0; i < 8; i++)
        {
            Vector256<ulong> product = Widen(a + 4 * i) * Widen(b + 4 * i);
            Put(d, i, mask, o->C >= 0 ? product + c[i] : product);
        }
    }

    internal static void SignedProduct(Warp w, Operation* o, uint mask)
    {
        Vector256<ulong>* d = w.Register<Vector256<ulong>>(o->D), c = w.Register<Vector256<ulong>>(o->C);
        uint* a = w.Register<uint>(o->A), b = w.Register<uint>(o->B);
        for (int i = 0; i < 8; i++)
        {
            Vector256<ulong> product = WidenSigned(a + 4 * i) * WidenSigned(b + 4 * i);
            Put(d, i, mask, o->C >= 0 ? product + c[i] : product);
        }
    }

    /// <summary>Shifts 64 bits by a count of 32.</summary>
    internal static void Shift<TShift>(Warp w, Operation* o, uint mask) where TShift : IBinary<ulong>
    {
        Vector256<ulong>* d = w.Register<Vector256<ulong>>(o->D), a = w.Register<Vector256<ulong>>(o->A);
        uint* b = w.Register<uint>(o->B);
        for (int i = 0; i < 8; i++) Put(d, i, mask, TShift.Of(a[i], Widen(b + 4 * i)));
    }

    /// <summary>Puts the parts in the list together, the lowest first: a part of 16 bits takes one half of 32, two of 32 or four of 16 make 64.</summary>
    internal static void Pack(Warp w, Operation* o, uint mask)
    {
        int size = o->Modifier / o->Count;                     // bytes of a part
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            ulong value = 0;
            for (int p = 0; p < o->Count; p++) value |= (ulong)w.Register<uint>(o->List[p])[l] << 8 * size * p;
            if (o->Modifier == sizeof(ulong)) w.Register<ulong>(o->D)[l] = value;
            else w.Register<uint>(o->D)[l] = (uint)value;
        }
    }

    /// <summary>Takes a register apart, the lowest part first.</summary>
    internal static void Unpack(Warp w, Operation* o, uint mask)
    {
        int size = o->Modifier / o->Count;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            ulong value = o->Modifier == sizeof(ulong) ? w.Register<ulong>(o->A)[l] : w.Register<uint>(o->A)[l];
            for (int p = 0; p < o->Count; p++) w.Register<uint>(o->List[p])[l] = (uint)(size == 2 ? (ushort)(value >> 16 * p) : value >> 32 * p);
        }
    }
}
