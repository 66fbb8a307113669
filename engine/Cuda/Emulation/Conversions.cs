using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// cvt between numbers of any two formats, a lane at a time. A source is read from the lowest bytes of its register; a destination narrower than its register is
/// extended by its sign or zeros.
/// </summary>
internal static unsafe class Conversions
{
    /// <summary>Modifiers: rounding to nearest even, to zero, down, up; clamp; subnormals count as 0.</summary>
    internal const int ToNearest = 0, ToZero = 1, Down = 2, Up = 3, Saturate = 4, Flush = 8;

    /// <summary>Modifiers: the register of the source, of the destination has 64 bits; the destination's has 16.</summary>
    internal const int WideSource = 16;

    internal static void Integers<TA, TD>(Warp w, Operation* o, uint mask) where TA : unmanaged, IBinaryInteger<TA> where TD : unmanaged, IBinaryInteger<TD>, IMinMaxValue<TD>
        => Each<TA, TD, IntegerToInteger<TA, TD>>(w, o, mask);

    internal static void ToFloat<TA, TD>(Warp w, Operation* o, uint mask) where TA : unmanaged, IBinaryInteger<TA> where TD : unmanaged, IBinaryFloatingPointIeee754<TD>
        => Each<TA, TD, IntegerToFloat<TA, TD>>(w, o, mask);

    internal static void ToInteger<TA, TD>(Warp w, Operation* o, uint mask)
        where TA : unmanaged, IBinaryFloatingPointIeee754<TA> where TD : unmanaged, IBinaryInteger<TD>, IMinMaxValue<TD>
        => Each<TA, TD, FloatToInteger<TA, TD>>(w, o, mask);

    internal static void Floats<TA, TD>(Warp w, Operation* o, uint mask) where TA : unmanaged, IBinaryFloatingPointIeee754<TA> where TD : unmanaged, IBinaryFloatingPointIeee754<TD>
        => Each<TA, TD, FloatToFloat<TA, TD>>(w, o, mask);

    internal interface IConversion<TA, TD>
    {
        static abstract TD Of(TA a, int how);
    }

    static void Each<TA, TD, TConversion>(Warp w, Operation* o, uint mask) where TA : unmanaged where TD : unmanaged where TConversion : IConversion<TA, TD>
    {
        byte* a = w.File + o->A, d = w.File + o->D;
        int stride = (o->Modifier & WideSource) != 0 ? 8 : 4, how = o->Modifier;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            Extend(d, l, o->Count, TConversion.Of(*(TA*)(a + l * stride), how));
        }
    }

    /// <summary>Writes a number to a register of 2, 4 or 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Extend<TD>(byte* d, int lane, int bytes, TD value) where TD : unmanaged
    {
        long bits = typeof(TD) == typeof(sbyte) ? *(sbyte*)&value : typeof(TD) == typeof(short) ? *(short*)&value : typeof(TD) == typeof(int) ? *(int*)&value
            : sizeof(TD) switch { 1 => *(byte*)&value, 2 => *(ushort*)&value, 4 => *(uint*)&value, _ => *(long*)&value };
        if (bytes == 8) ((long*)d)[lane] = bits;
        else ((uint*)d)[lane] = bytes == 2 ? (ushort)bits : (uint)bits;
    }

    struct IntegerToInteger<TA, TD> : IConversion<TA, TD> where TA : unmanaged, IBinaryInteger<TA> where TD : unmanaged, IBinaryInteger<TD>, IMinMaxValue<TD>
    {
        public static TD Of(TA a, int how) => (how & Saturate) != 0 ? TD.CreateSaturating(a) : TD.CreateTruncating(a);
    }

    struct IntegerToFloat<TA, TD> : IConversion<TA, TD> where TA : unmanaged, IBinaryInteger<TA> where TD : unmanaged, IBinaryFloatingPointIeee754<TD>
    {
        public static TD Of(TA a, int how)
        {
            Int128 exact = Int128.CreateTruncating(a);
            TD nearest = Near(exact);
            if ((how & 3) != ToNearest) nearest = Adjust(nearest, Int128.CreateSaturating(nearest).CompareTo(exact), how, exact < 0);
            return (how & Saturate) != 0 ? Clamp(nearest) : nearest;
        }

        static TD Near(Int128 a)
        {
            // What 53 bits cannot hold is folded into the lowest of them, so that the second rounding is the only one.
            UInt128 magnitude = (UInt128)(a < 0 ? -a : a);
            int excess = sizeof(TD) == 4 ? Math.Max(0, 128 - (int)UInt128.LeadingZeroCount(magnitude) - 53) : 0;
            UInt128 kept = magnitude >> excess;
            if (kept << excess != magnitude) kept |= 1;
            TD result = TD.ScaleB(TD.CreateTruncating(sizeof(TD) == 4 ? (double)(ulong)kept : (double)magnitude), excess);
            return a < 0 ? -result : result;
        }
    }

    struct FloatToInteger<TA, TD> : IConversion<TA, TD>
        where TA : unmanaged, IBinaryFloatingPointIeee754<TA> where TD : unmanaged, IBinaryInteger<TD>, IMinMaxValue<TD>
    {
        public static TD Of(TA a, int how)
        {
            if (TA.IsNaN(a)) return sizeof(TA) == 8 || sizeof(TD) == 8 ? TD.One << 8 * sizeof(TD) - 1 : TD.Zero;
            return TD.CreateSaturating(Integral((how & Flush) != 0 ? FlushOf(a) : a, how));
        }
    }

    struct FloatToFloat<TA, TD> : IConversion<TA, TD> where TA : unmanaged, IBinaryFloatingPointIeee754<TA> where TD : unmanaged, IBinaryFloatingPointIeee754<TD>
    {
        public static TD Of(TA a, int how)
        {
            if ((how & Flush) != 0) a = FlushOf(a);
            TD nearest = TD.CreateTruncating(a);
            if ((how & 3) != ToNearest && !TA.IsNaN(a)) nearest = Adjust(nearest, TA.CreateTruncating(nearest).CompareTo(a), how, TA.IsNegative(a));
            if ((how & Flush) != 0) nearest = FlushOf(nearest);
            return (how & Saturate) != 0 ? Clamp(nearest) : nearest;
        }
    }

    /// <summary>Moves the nearest value to its neighbour if it lies on the wrong side of the exact one.</summary>
    static T Adjust<T>(T nearest, int side, int how, bool negative) where T : IBinaryFloatingPointIeee754<T>
    {
        bool down = (how & 3) == Down || (how & 3) == ToZero && !negative;
        return down ? side > 0 ? T.BitDecrement(nearest) : nearest : side < 0 ? T.BitIncrement(nearest) : nearest;
    }

    /// <summary>Integral value in the rounding of the modifiers.</summary>
    static T Integral<T>(T a, int how) where T : IBinaryFloatingPointIeee754<T> => (how & 3) switch
    {
        ToNearest => T.Round(a, MidpointRounding.ToEven),
        ToZero => T.Truncate(a),
        Down => T.Floor(a),
        _ => T.Ceiling(a),
    };

    static T FlushOf<T>(T a) where T : unmanaged, IBinaryFloatingPointIeee754<T> => sizeof(T) == 4 && T.IsSubnormal(a) ? T.CopySign(T.Zero, a) : a;

    static T Clamp<T>(T a) where T : IBinaryFloatingPointIeee754<T> => a >= T.One ? T.One : a > T.Zero ? a : T.Zero;
}
