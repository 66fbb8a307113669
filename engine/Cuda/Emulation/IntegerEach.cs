namespace MiniTorch.Cuda.Emulation;

/// <summary>Quotient as hardware has it: all ones by 0; the least number by −1 stays.</summary>
internal readonly struct Divide<T> : IEach<T, T, T> where T : IBinaryInteger<T>
{
    public static T Of(T a, T b) => T.IsZero(b) ? T.AllBitsSet : b + T.One == T.Zero && T.IsNegative(b) ? -a : a / b;
}

/// <summary>Rest of the division: a by 0; 0 by −1.</summary>
internal readonly struct Remainder<T> : IEach<T, T, T> where T : IBinaryInteger<T>
{
    public static T Of(T a, T b) => T.IsZero(b) ? a : b + T.One == T.Zero && T.IsNegative(b) ? T.Zero : a % b;
}

/// <summary>Quotient or rest of 16 bits, which lanes hold with zeros above.</summary>
internal readonly struct Of16<TOp, T> : IEach<uint, uint, uint> where TOp : IEach<T, T, T> where T : IBinaryInteger<T>
{
    public static uint Of(uint a, uint b) => ushort.CreateTruncating(TOp.Of(T.CreateTruncating(a), T.CreateTruncating(b)));
}

/// <summary>Upper half of a product.</summary>
internal readonly struct Upper : IEach<uint, uint, uint>, IEach<int, int, int>, IEach<ulong, ulong, ulong>, IEach<long, long, long>
{
    public static uint Of(uint a, uint b) => (uint)((ulong)a * b >> 32);

    public static int Of(int a, int b) => (int)((long)a * b >> 32);

    public static ulong Of(ulong a, ulong b) => Math.BigMul(a, b, out _);

    public static long Of(long a, long b) => Math.BigMul(a, b, out _);
}

/// <summary>Upper half of a product, and the sum.</summary>
internal readonly struct UpperThenAdd : IEach<uint, uint, uint, uint>, IEach<int, int, int, int>
{
    public static uint Of(uint a, uint b, uint c) => Upper.Of(a, b) + c;

    public static int Of(int a, int b, int c) => Upper.Of(a, b) + c;
}

/// <summary>Sum that stays within 32 bits.</summary>
internal readonly struct AddSaturated : IEach<int, int, int>
{
    public static int Of(int a, int b) => (int)Math.Clamp((long)a + b, int.MinValue, int.MaxValue);
}

/// <summary>Difference that stays within 32 bits.</summary>
internal readonly struct SubtractSaturated : IEach<int, int, int>
{
    public static int Of(int a, int b) => (int)Math.Clamp((long)a - b, int.MinValue, int.MaxValue);
}

/// <summary>Number of ones.</summary>
internal readonly struct Ones : IEach<uint, uint>, IEach<ulong, uint>
{
    public static uint Of(uint a) => (uint)BitOperations.PopCount(a);

    public static uint Of(ulong a) => (uint)BitOperations.PopCount(a);
}

/// <summary>Number of zeros above the highest one.</summary>
internal readonly struct LeadingZeros : IEach<uint, uint>, IEach<ulong, uint>
{
    public static uint Of(uint a) => (uint)BitOperations.LeadingZeroCount(a);

    public static uint Of(ulong a) => (uint)BitOperations.LeadingZeroCount(a);
}

/// <summary>Place of the highest bit that differs from the sign; all ones if there is none.</summary>
internal readonly struct HighestBit : IEach<uint, uint>, IEach<int, uint>, IEach<ulong, uint>, IEach<long, uint>
{
    public static uint Of(uint a) => 31u - (uint)BitOperations.LeadingZeroCount(a);

    public static uint Of(int a) => Of((uint)(a ^ a >> 31));

    public static uint Of(ulong a) => 63u - (uint)BitOperations.LeadingZeroCount(a);

    public static uint Of(long a) => Of((ulong)(a ^ a >> 63));
}

/// <summary>Bits in reverse order.</summary>
internal readonly struct Reverse : IEach<uint, uint>, IEach<ulong, ulong>
{
    public static uint Of(uint a)
    {
        a = a >> 1 & 0x55555555 | (a & 0x55555555) << 1;
        a = a >> 2 & 0x33333333 | (a & 0x33333333) << 2;
        a = a >> 4 & 0x0F0F0F0F | (a & 0x0F0F0F0F) << 4;
        return System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(a);
    }

    public static ulong Of(ulong a) => (ulong)Of((uint)a) << 32 | Of((uint)(a >> 32));
}

/// <summary>A field of bits from place b, c wide; the signed form repeats the field's highest bit, or the number's where the field ends above it.</summary>
internal readonly struct ExtractField : IEach<uint, uint, uint, uint>, IEach<int, uint, uint, int>, IEach<ulong, uint, uint, ulong>, IEach<long, uint, uint, long>
{
    public static uint Of(uint a, uint b, uint c) => (uint)Of((ulong)a, b, c);

    public static ulong Of(ulong a, uint b, uint c)
    {
        (b, c) = (b & 255, c & 255);
        ulong shifted = b < 64 ? a >> (int)b : 0;
        return c < 64 ? shifted & (1UL << (int)c) - 1 : shifted;
    }

    public static int Of(int a, uint b, uint c) => (int)Signed(a, b, c, 32);

    public static long Of(long a, uint b, uint c) => Signed(a, b, c, 64);

    static long Signed(long a, uint b, uint c, int width)
    {
        (b, c) = (b & 255, c & 255);
        if (c == 0) return 0;
        int top = (int)Math.Min(b + c - 1, width - 1);
        long fill = a << 63 - top >> 63;                           // the highest bit of the field everywhere
        if (b > top) return fill;
        return a << 63 - top >> 63 - top + (int)b;
    }
}

/// <summary>A function of three operands of any bits, given by its table of eight.</summary>
internal static unsafe class Bitwise
{
    internal static void Lookup(Warp w, Operation* o, uint mask)
    {
        uint* d = w.Register<uint>(o->D), a = w.Register<uint>(o->A), b = w.Register<uint>(o->B), c = w.Register<uint>(o->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            uint result = 0;
            for (int row = 0; row < 8; row++)
                if ((o->Count >> row & 1) != 0) result |= ((row & 4) != 0 ? a[l] : ~a[l]) & ((row & 2) != 0 ? b[l] : ~b[l]) & ((row & 1) != 0 ? c[l] : ~c[l]);
            d[l] = result;
        }
    }

    /// <summary>The lowest bits of A over those of B from place C, F bits.</summary>
    internal static void Insert<T>(Warp w, Operation* o, uint mask) where T : unmanaged, IBinaryInteger<T>
    {
        T* d = w.Register<T>(o->D), a = w.Register<T>(o->A), b = w.Register<T>(o->B);
        uint* place = w.Register<uint>(o->C), length = w.Register<uint>(o->F);
        int width = 8 * sizeof(T);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            int from = (int)(place[l] & 255), count = (int)(length[l] & 255);
            T field = count >= width ? T.AllBitsSet : (T.One << count) - T.One;
            d[l] = from >= width ? b[l] : b[l] & ~(field << from) | (a[l] & field) << from;
        }
    }
}

/// <summary>Four bytes chosen from eight; a selector's highest bit repeats the sign instead.</summary>
internal readonly struct Permute : IEach<uint, uint, uint, uint>
{
    public static uint Of(uint a, uint b, uint c)
    {
        ulong bytes = (ulong)b << 32 | a;
        uint result = 0;
        for (int i = 0; i < 4; i++)
        {
            uint selector = c >> 4 * i & 15, value = (uint)(bytes >> (int)(8 * (selector & 7))) & 255;
            if ((selector & 8) != 0) value = (value & 128) != 0 ? 255u : 0;
            result |= value << 8 * i;
        }
        return result;
    }
}

/// <summary>The upper half of b:a shifted to the left; the count wraps at 32 or stops there.</summary>
internal readonly struct FunnelLeft<TLimit> : IEach<uint, uint, uint, uint> where TLimit : IEach<uint, uint>
{
    public static uint Of(uint a, uint b, uint c)
    {
        int n = (int)TLimit.Of(c);
        return (uint)(((ulong)b << 32 | a) << n >> 32);
    }
}

/// <summary>The lower half of b:a shifted to the right.</summary>
internal readonly struct FunnelRight<TLimit> : IEach<uint, uint, uint, uint> where TLimit : IEach<uint, uint>
{
    public static uint Of(uint a, uint b, uint c) => (uint)(((ulong)b << 32 | a) >> (int)TLimit.Of(c));
}

/// <summary>A count that wraps at 32.</summary>
internal readonly struct Wrapped : IEach<uint, uint>
{
    public static uint Of(uint a) => a & 31;
}

/// <summary>A count that stops at 32.</summary>
internal readonly struct Clamped : IEach<uint, uint>
{
    public static uint Of(uint a) => Math.Min(a, 32);
}
