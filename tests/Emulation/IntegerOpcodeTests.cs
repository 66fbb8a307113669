using System.Numerics;

namespace MiniTorch.Tests.Emulation;

/// <summary>Integer instructions of 16, 32 and 64 bits against integers of any length, and bit instructions against loops over bits.</summary>
public sealed class IntegerOpcodeTests
{
    static readonly BigInteger[] edges = [0, 1, 2, 3, -1, -2, 7, 100, short.MaxValue, short.MinValue, ushort.MaxValue, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue];

    public static TheoryData<int, char> Widths => new() { { 16, 'h' }, { 32, 'r' }, { 64, 'd' } };

    static ulong Bits(BigInteger value) => (ulong)(value & ulong.MaxValue);

    static BigInteger Unsigned(ulong bits, int width) => width == 64 ? bits : bits & (1UL << width) - 1;

    static BigInteger Signed(ulong bits, int width)
    {
        BigInteger value = Unsigned(bits, width);
        return value >= BigInteger.One << width - 1 ? value - (BigInteger.One << width) : value;
    }

    static IEnumerable<ulong[]> Rows(int operands, int seed)
    {
        ulong[] values = [.. edges.Select(Bits)];
        IEnumerable<ulong[]> pairs = OpcodeBench.Pairs(values).Select((p, i) => operands == 1 ? [p[0]] : operands == 2 ? p : new[] { p[0], p[1], values[i % values.Length] });
        return pairs.Concat(OpcodeBench.Random(operands, 100, seed));
    }

    static void Unary(string name, int width, char letter, Func<BigInteger, BigInteger> f)
        => OpcodeBench.Check($"{name}{width}", letter, $"{letter}", Rows(1, 1), v => Bits(f(Signed(v[0], width))));

    static void Binary(string name, bool signed, int width, char letter, Func<BigInteger, BigInteger, BigInteger> f, char? result = null)
    {
        BigInteger Number(ulong bits) => signed ? Signed(bits, width) : Unsigned(bits, width);
        OpcodeBench.Check($"{name}{width}", result ?? letter, $"{letter}{letter}", Rows(2, 2), v => Bits(f(Number(v[0]), Number(v[1]))));
    }

    [Theory, MemberData(nameof(Widths))]
    public void Arithmetic_wraps(int width, char letter)
    {
        foreach (string sign in (string[])["s", "u"])
        {
            Binary($"add.{sign}", sign == "s", width, letter, (a, b) => a + b);
            Binary($"sub.{sign}", sign == "s", width, letter, (a, b) => a - b);
            Binary($"mul.lo.{sign}", sign == "s", width, letter, (a, b) => a * b);
            Binary($"mul.hi.{sign}", sign == "s", width, letter, (a, b) => a * b >> width);
            Binary($"min.{sign}", sign == "s", width, letter, BigInteger.Min);
            Binary($"max.{sign}", sign == "s", width, letter, BigInteger.Max);
        }
        Unary("abs.s", width, letter, BigInteger.Abs);
        Unary("neg.s", width, letter, a => -a);
        Unary("not.b", width, letter, a => -a - 1);
        Binary("and.b", false, width, letter, (a, b) => a & b);
        Binary("or.b", false, width, letter, (a, b) => a | b);
        Binary("xor.b", false, width, letter, (a, b) => a ^ b);
        OpcodeBench.Check($"mad.lo.s{width}", letter, new(letter, 3), Rows(3, 3), v => Bits(Signed(v[0], width) * Signed(v[1], width) + Signed(v[2], width)));
        OpcodeBench.Check($"mad.lo.u{width}", letter, new(letter, 3), Rows(3, 4), v => Bits(Unsigned(v[0], width) * Unsigned(v[1], width) + Unsigned(v[2], width)));
    }

    /// <summary>By 0 all ones and the dividend; the least number by −1 wraps.</summary>
    [Theory, MemberData(nameof(Widths))]
    public void Division_never_throws(int width, char letter)
    {
        foreach (string sign in (string[])["s", "u"])
        {
            Binary($"div.{sign}", sign == "s", width, letter, (a, b) => b.IsZero ? -1 : BigInteger.Divide(a, b));
            Binary($"rem.{sign}", sign == "s", width, letter, (a, b) => b.IsZero ? a : BigInteger.Remainder(a, b));
        }
    }

    [Fact]
    public void Wide_and_upper_products()
    {
        Binary("mul.wide.u", false, 16, 'h', (a, b) => a * b, 'r');
        Binary("mul.wide.s", true, 16, 'h', (a, b) => a * b, 'r');
        Binary("mul.wide.u", false, 32, 'r', (a, b) => a * b, 'd');
        Binary("mul.wide.s", true, 32, 'r', (a, b) => a * b, 'd');
        OpcodeBench.Check("mad.wide.u32", 'd', "rrd", Rows(3, 5), v => Bits(Unsigned(v[0], 32) * Unsigned(v[1], 32) + v[2]));
        OpcodeBench.Check("mad.wide.s32", 'd', "rrd", Rows(3, 6), v => Bits(Signed(v[0], 32) * Signed(v[1], 32) + v[2]));
        OpcodeBench.Check("mad.hi.u32", 'r', "rrr", Rows(3, 7), v => Bits((Unsigned(v[0], 32) * Unsigned(v[1], 32) >> 32) + v[2]));
        OpcodeBench.Check("mad.hi.s32", 'r', "rrr", Rows(3, 8), v => Bits((Signed(v[0], 32) * Signed(v[1], 32) >> 32) + v[2]));
        Binary("add.sat.s", true, 32, 'r', (a, b) => BigInteger.Max(int.MinValue, BigInteger.Min(int.MaxValue, a + b)));
        Binary("sub.sat.s", true, 32, 'r', (a, b) => BigInteger.Max(int.MinValue, BigInteger.Min(int.MaxValue, a - b)));
    }

    /// <summary>Counts from the width on give 0, or the sign.</summary>
    [Theory, MemberData(nameof(Widths))]
    public void Shifts(int width, char letter)
    {
        ulong[] counts = [0, 1, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 0x80000000, 0xFFFFFFFF];
        ulong[] values = [.. edges.Select(Bits), .. OpcodeBench.Random(1, 10).Select(r => r[0])];
        string sources = $"{letter}r";
        int Count(ulong c) => (int)Math.Min((uint)c, 100);
        OpcodeBench.Check($"shl.b{width}", letter, sources, OpcodeBench.Pairs(values, counts), v => Bits(Unsigned(v[0], width) << Count(v[1])));
        OpcodeBench.Check($"shr.u{width}", letter, sources, OpcodeBench.Pairs(values, counts), v => Bits(Unsigned(v[0], width) >> Count(v[1])));
        OpcodeBench.Check($"shr.b{width}", letter, sources, OpcodeBench.Pairs(values, counts), v => Bits(Unsigned(v[0], width) >> Count(v[1])));
        OpcodeBench.Check($"shr.s{width}", letter, sources, OpcodeBench.Pairs(values, counts), v => Bits(Signed(v[0], width) >> Count(v[1])));
    }

    static bool Bit(ulong value, int i) => (value >> i & 1) != 0;

    static ulong Gather(int width, Func<int, bool> bit)
    {
        ulong result = 0;
        for (int i = 0; i < width; i++) if (bit(i)) result |= 1UL << i;
        return result;
    }

    [Theory, InlineData(32, 'r'), InlineData(64, 'd')]
    public void Bits_are_counted_and_reversed(int width, char letter)
    {
        int Highest(ulong v, bool sign) => Enumerable.Range(0, width).Reverse().FirstOrDefault(i => Bit(v, i) != (sign && Bit(v, width - 1)), -1);
        OpcodeBench.Check($"popc.b{width}", 'r', $"{letter}", Rows(1, 1), v => (ulong)Enumerable.Range(0, width).Count(i => Bit(v[0], i)));
        OpcodeBench.Check($"clz.b{width}", 'r', $"{letter}", Rows(1, 1), v => (ulong)(width - 1 - Highest(v[0], false)));
        OpcodeBench.Check($"bfind.u{width}", 'r', $"{letter}", Rows(1, 1), v => (ulong)Highest(v[0], false));
        OpcodeBench.Check($"bfind.s{width}", 'r', $"{letter}", Rows(1, 1), v => (ulong)Highest(v[0], true));
        OpcodeBench.Check($"brev.b{width}", letter, $"{letter}", Rows(1, 1), v => Gather(width, i => Bit(v[0], width - 1 - i)));
    }

    /// <summary>The definitions of the PTX manual, bit by bit.</summary>
    [Theory, InlineData(32, 'r'), InlineData(64, 'd')]
    public void Bit_fields(int width, char letter)
    {
        int[] places = [0, 1, 7, 31, 32, 40, 63, 64, 200, 256];
        ulong[] values = [0, ulong.MaxValue, 0x8000000080000000, .. OpcodeBench.Random(1, 6).Select(r => r[0])];
        IEnumerable<ulong[]> rows = from v in values from p in places from n in places select new[] { v, (ulong)p, (ulong)n };
        ulong Field(ulong a, int place, int length, bool signed)
        {
            bool fill = signed && length != 0 && Bit(a, Math.Min(place + length - 1, width - 1));
            return Gather(width, i => i < length && place + i < width ? Bit(a, place + i) : fill);
        }
        OpcodeBench.Check($"bfe.u{width}", letter, $"{letter}rr", rows, v => Field(v[0], (int)v[1] & 255, (int)v[2] & 255, false));
        OpcodeBench.Check($"bfe.s{width}", letter, $"{letter}rr", rows, v => Field(v[0], (int)v[1] & 255, (int)v[2] & 255, true));
        OpcodeBench.Check($"bfi.b{width}", letter, $"{letter}{letter}rr", rows.Select((r, i) => new[] { r[0], values[i % values.Length] ^ 0x1234567, r[1], r[2] }), v =>
        {
            int place = (int)v[2] & 255, length = (int)v[3] & 255;
            return Gather(width, i => i >= place && i < place + length ? Bit(v[0], i - place) : Bit(v[1], i));
        });
    }

    [Fact]
    public void Bytes_and_funnels()
    {
        IEnumerable<ulong[]> rows = OpcodeBench.Random(3, 200, 9);
        OpcodeBench.Check("prmt.b32", 'r', "rrr", rows, v =>
        {
            byte[] bytes = [.. BitConverter.GetBytes((uint)v[0]), .. BitConverter.GetBytes((uint)v[1])];
            return BitConverter.ToUInt32([.. Enumerable.Range(0, 4).Select(i => (int)(v[2] >> 4 * i & 15)).Select(s => s < 8 ? bytes[s] : bytes[s - 8] >= 128 ? (byte)255 : (byte)0)]);
        });
        IEnumerable<ulong[]> shifts = rows.Select((r, i) => new[] { r[0], r[1], i % 3 == 0 ? r[2] : (ulong)(i % 40) });
        BigInteger Both(ulong[] v) => Unsigned(v[1], 32) << 32 | Unsigned(v[0], 32);
        OpcodeBench.Check("shf.l.wrap.b32", 'r', "rrr", shifts, v => Bits(Both(v) << (int)(v[2] & 31) >> 32));
        OpcodeBench.Check("shf.l.clamp.b32", 'r', "rrr", shifts, v => Bits(Both(v) << (int)Math.Min((uint)v[2], 32) >> 32));
        OpcodeBench.Check("shf.r.wrap.b32", 'r', "rrr", shifts, v => Bits(Both(v) >> (int)(v[2] & 31)));
        OpcodeBench.Check("shf.r.clamp.b32", 'r', "rrr", shifts, v => Bits(Both(v) >> (int)Math.Min((uint)v[2], 32)));
    }

    [Theory]
    [InlineData(0xF0 & 0xCC & 0xAA)]
    [InlineData(0xF0 ^ 0xCC ^ 0xAA)]
    [InlineData((0xF0 & 0xCC) | (~0xF0 & 0xAA))]
    public void Bitwise_tables(int table)
    {
        ulong[][] rows = [.. OpcodeBench.Random(3, 20)];
        ulong[] actual = OpcodeBench.Run("lop3.b32", 'r', "rrr", rows, $", {table & 255}");
        for (int i = 0; i < rows.Length; i++)
            Assert.Equal(Gather(32, b => Bit((ulong)table, (Bit(rows[i][0], b) ? 4 : 0) + (Bit(rows[i][1], b) ? 2 : 0) + (Bit(rows[i][2], b) ? 1 : 0))), actual[i]);
    }
}
