using System.Numerics;

namespace MiniTorch.Tests.Emulation;

/// <summary>cvt between all formats with all roundings, against exact integers.</summary>
public sealed class ConvertOpcodeTests
{
    static readonly int[] sizes = [8, 16, 32, 64];
    static readonly ulong[] integers = [0, 1, 5, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0xFFFFFF, 0x1000001, 0x1000003, 0x7FFFFFFF, 0x80000000, 0x80000080, 0xFFFFFFFF, 0x7FFFFF4000000000,
        0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000008000000000, 0x8000008000000001, 0x0080000000800001, 0xFFFFFF7FFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0x0123456789ABCDEF, 0x20000000000001, 0x20000000000003];

    static char Letter(int size) => size switch { 8 or 16 => 'h', 32 => 'r', _ => 'd' };

    static BigInteger Number(ulong bits, int size, bool signed)
    {
        BigInteger value = size == 64 ? bits : bits & (1UL << size) - 1;
        return signed && value >= BigInteger.One << size - 1 ? value - (BigInteger.One << size) : value;
    }

    static (BigInteger Low, BigInteger High) Range(int size, bool signed)
        => signed ? (-(BigInteger.One << size - 1), (BigInteger.One << size - 1) - 1) : (0, (BigInteger.One << size) - 1);

    static BigInteger Clamp(BigInteger value, int size, bool signed) => BigInteger.Max(Range(size, signed).Low, BigInteger.Min(Range(size, signed).High, value));

    /// <summary>What a register of a letter's width holds of a number: its lowest bits, extended by sign or zeros where the format is narrower.</summary>
    static ulong InRegister(BigInteger value, int size, bool signed) => (ulong)(Number((ulong)(value & ulong.MaxValue), size, signed) & ulong.MaxValue);

    [Fact]
    public void Integers_to_integers()
    {
        foreach (int from in sizes) foreach (int to in sizes) foreach (bool a in (bool[])[false, true]) foreach (bool d in (bool[])[false, true])
        {
            string types = $"{(d ? "s" : "u")}{to}.{(a ? "s" : "u")}{from}";
            IEnumerable<ulong[]> rows = integers.Select(i => new[] { i });
            OpcodeBench.Check($"cvt.{types}", Letter(to), $"{Letter(from)}", rows, v => InRegister(Number(v[0], from, a), to, d));
            OpcodeBench.Check($"cvt.sat.{types}", Letter(to), $"{Letter(from)}", rows, v => InRegister(Clamp(Number(v[0], from, a), to, d), to, d));
        }
    }

    /// <summary>Registers may be wider than the formats.</summary>
    [Theory]
    [InlineData("cvt.s32.s8", 'r', 'r', 0x12345680, 0xFFFFFF80)]
    [InlineData("cvt.u8.u32", 'r', 'r', 0x12345680, 0x80)]
    [InlineData("cvt.s8.s32", 'd', 'r', 0x80, 0xFFFFFFFFFFFFFF80)]
    [InlineData("cvt.u32.u16", 'd', 'd', 0x1234567890, 0x7890)]
    [InlineData("cvt.s16.s64", 'd', 'd', 0x18000, 0xFFFFFFFFFFFF8000)]
    public void Wider_registers(string instruction, char to, char from, ulong a, ulong expected)
        => Assert.Equal([expected], OpcodeBench.Run(instruction, to, $"{from}", [[a]]));

    [Fact]
    public void Integers_to_floats()
    {
        foreach (int from in sizes) foreach (bool signed in (bool[])[false, true]) foreach (char mode in "nzmp")
        {
            IEnumerable<ulong[]> rows = integers.Select(i => new[] { i }).Concat(OpcodeBench.Random(1, 60));
            string type = $"{(signed ? "s" : "u")}{from}";
            OpcodeBench.Check($"cvt.r{mode}.f32.{type}", 'r', $"{Letter(from)}", rows, v => ExactFloat.Single.Round(Number(v[0], from, signed), 0, mode));
            OpcodeBench.Check($"cvt.r{mode}.f64.{type}", 'd', $"{Letter(from)}", rows, v => ExactFloat.Double.Round(Number(v[0], from, signed), 0, mode));
        }
    }

    /// <summary>Clamped to the format; what is no number gives 0, or the highest bit where 64 bits are involved.</summary>
    [Fact]
    public void Floats_to_integers()
    {
        foreach ((ExactFloat format, string name) in ((ExactFloat, string)[])[(ExactFloat.Single, "f32"), (ExactFloat.Double, "f64")])
            foreach (int to in sizes) foreach (bool signed in (bool[])[false, true]) foreach (char mode in "nzmp")
            {
                ulong[] halves = [.. Enumerable.Range(-9, 19).Select(i => format.Round(i, -1)), .. sizes.SelectMany(s => (ulong[])[format.Round(BigInteger.One << s - 1, 0), format.Round(-(BigInteger.One << s - 1), 0), format.Round((BigInteger.One << s) - 1, 0)])];
                OpcodeBench.Check($"cvt.r{mode}i.{(signed ? "s" : "u")}{to}.{name}", Letter(to), $"{Letter(format.Width)}", format.Interesting(20).Concat(halves).Select(b => new[] { b }), v =>
                {
                    if (format.IsNaN(v[0])) return InRegister(to == 64 || format.Width == 64 ? BigInteger.One << to - 1 : 0, to, signed);
                    if (format.IsInfinite(v[0])) return InRegister(format.IsNegative(v[0]) ? Range(to, signed).Low : Range(to, signed).High, to, signed);
                    return InRegister(Clamp(format.Integral(v[0], mode), to, signed), to, signed);
                });
            }
    }

    [Fact]
    public void Floats_to_integral_floats()
    {
        foreach ((ExactFloat format, string name) in ((ExactFloat, string)[])[(ExactFloat.Single, "f32"), (ExactFloat.Double, "f64")])
            foreach (char mode in "nzmp")
                OpcodeBench.Check($"cvt.r{mode}i.{name}.{name}", Letter(format.Width), $"{Letter(format.Width)}", format.Interesting(100).Concat(Enumerable.Range(-9, 19).Select(i => format.Round(i, -1))).Select(b => new[] { b }),
                    v => format.IsNaN(v[0]) || format.IsInfinite(v[0]) ? v[0] : format.Round(format.Integral(v[0], mode), 0, negativeZero: format.IsNegative(v[0])),
                    (a, b) => a == b || format.IsNaN(a) && format.IsNaN(b));
    }

    [Fact]
    public void Between_floats()
    {
        bool Same(ulong a, ulong b, ExactFloat f) => a == b || f.IsNaN(a) && f.IsNaN(b);
        ulong[] wide = [.. ExactFloat.Double.Interesting(100), .. ExactFloat.Single.Interesting(50).Select(b => ExactFloat.Single.To(ExactFloat.Double, b)), .. ExactFloat.Single.Interesting(50).Select(b => ExactFloat.Single.To(ExactFloat.Double, b) + 1)];
        foreach (char mode in "nzmp")
            OpcodeBench.Check($"cvt.r{mode}.f32.f64", 'r', "d", wide.Select(b => new[] { b }), v => ExactFloat.Double.To(ExactFloat.Single, v[0], mode), (a, b) => Same(a, b, ExactFloat.Single));
        OpcodeBench.Check("cvt.f64.f32", 'd', "r", ExactFloat.Single.Interesting(50).Select(b => new[] { b }), v => ExactFloat.Single.To(ExactFloat.Double, v[0]), (a, b) => Same(a, b, ExactFloat.Double));
        OpcodeBench.Check("cvt.ftz.f64.f32", 'd', "r", [[1], [0x80000001], [0x3F800000]], v => v[0] == 1 ? 0 : v[0] == 0x80000001 ? 1UL << 63 : 0x3FF0000000000000);
        OpcodeBench.Check("cvt.sat.f32.f32", 'r', "r", [[0x40000000], [0xBF800000], [0x7FC00000], [0x3F000000], [0x80000000]], v => v[0] switch { 0x40000000 => 0x3F800000, 0x3F000000 => 0x3F000000, _ => 0 });
        OpcodeBench.Check("cvt.rn.ftz.f32.f64", 'r', "d", [[0x3800000000000000]], _ => 0);                     // 2^−127
        OpcodeBench.Check("cvt.rni.sat.f32.f32", 'r', "r", [[0x3F400000], [0xBF400000], [0x40800000]], v => v[0] == 0xBF400000 ? 0UL : 0x3F800000);
    }

    [Fact]
    public void Brain_floats()
    {
        ulong Brain(ulong a, char mode = 'n') => ExactFloat.Single.IsNaN(a) ? 0x7FFF : ExactFloat.Single.To(ExactFloat.Brain, a, mode);
        ulong Positive(ulong a) => (Brain(a) & 0x8000) != 0 ? 0 : Brain(a);
        ulong[] values = [.. ExactFloat.Single.Interesting(200), 0x3F808000, 0x3F818000, 0x3F808001, 0x7F7F8000, 0x7F7F7FFF];
        IEnumerable<ulong[]> one = values.Select(b => new[] { b }), two = values.Zip(values.Reverse(), (a, b) => new[] { a, b });
        OpcodeBench.Check("cvt.rn.bf16.f32", 'h', "r", one, v => Brain(v[0]));
        OpcodeBench.Check("cvt.rz.bf16.f32", 'h', "r", one, v => Brain(v[0], 'z'));
        OpcodeBench.Check("cvt.rn.relu.bf16.f32", 'h', "r", one, v => Positive(v[0]));
        OpcodeBench.Check("cvt.rn.bf16x2.f32", 'r', "rr", two, v => Brain(v[0]) << 16 | Brain(v[1]));
        OpcodeBench.Check("cvt.rz.bf16x2.f32", 'r', "rr", two, v => Brain(v[0], 'z') << 16 | Brain(v[1], 'z'));
        OpcodeBench.Check("cvt.rn.relu.bf16x2.f32", 'r', "rr", two, v => Positive(v[0]) << 16 | Positive(v[1]));
        // tf32: halves go away from 0
        OpcodeBench.Check("cvt.rna.tf32.f32", 'r', "r", [[0x3F801000], [0xBF801000], [0x3F800FFF], [0x3F802000]], v => v[0] switch { 0x3F801000 => 0x3F802000, 0xBF801000 => 0xBF802000, 0x3F800FFF => 0x3F800000, _ => v[0] });
    }
}
