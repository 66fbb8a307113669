namespace MiniTorch.Tests.Emulation;

/// <summary>Floating-point instructions against exact integer arithmetic with one rounding, and against literal bits where rules are special.</summary>
public sealed class FloatOpcodeTests
{
    static readonly ExactFloat single = ExactFloat.Single, twice = ExactFloat.Double;

    static bool SameSingle(ulong a, ulong b) => a == b || single.IsNaN(a) && single.IsNaN(b);

    static bool SameDouble(ulong a, ulong b) => a == b || twice.IsNaN(a) && twice.IsNaN(b);

    [Fact]
    public void Sums_and_products_are_rounded_once()
    {
        ulong[] a = single.Interesting(30);
        ulong Negative(ulong x) => x ^ 0x80000000;
        OpcodeBench.Check("add.f32", 'r', "rr", OpcodeBench.Pairs(a), v => single.Add(v[0], v[1]), SameSingle);
        OpcodeBench.Check("add.rn.f32", 'r', "rr", OpcodeBench.Pairs(a), v => single.Add(v[0], v[1]), SameSingle);
        OpcodeBench.Check("sub.f32", 'r', "rr", OpcodeBench.Pairs(a), v => single.Add(v[0], Negative(v[1])), SameSingle);
        OpcodeBench.Check("mul.f32", 'r', "rr", OpcodeBench.Pairs(a), v => single.Multiply(v[0], v[1]), SameSingle);
        OpcodeBench.Check("div.rn.f32", 'r', "rr", OpcodeBench.Pairs(a), v => single.Divide(v[0], v[1]), SameSingle);
        ulong[] b = twice.Interesting(20);
        OpcodeBench.Check("add.f64", 'd', "dd", OpcodeBench.Pairs(b), v => twice.Add(v[0], v[1]), SameDouble);
        OpcodeBench.Check("sub.f64", 'd', "dd", OpcodeBench.Pairs(b), v => twice.Add(v[0], v[1] ^ 1UL << 63), SameDouble);
        OpcodeBench.Check("mul.f64", 'd', "dd", OpcodeBench.Pairs(b), v => twice.Multiply(v[0], v[1]), SameDouble);
        OpcodeBench.Check("div.rn.f64", 'd', "dd", OpcodeBench.Pairs(b), v => twice.Divide(v[0], v[1]), SameDouble);
    }

    [Fact]
    public void Fma_is_rounded_once()
    {
        ulong[] a = single.Interesting(4), b = twice.Interesting(2);
        IEnumerable<ulong[]> Triples(ulong[] x) => from i in x from j in x from k in x.Where((_, n) => n % 3 == 0) select new[] { i, j, k };
        OpcodeBench.Check("fma.rn.f32", 'r', "rrr", Triples(a), v => single.MultiplyAdd(v[0], v[1], v[2]), SameSingle);
        OpcodeBench.Check("fma.rn.f64", 'd', "ddd", Triples(b), v => twice.MultiplyAdd(v[0], v[1], v[2]), SameDouble);
        // Near cancellation: only an exact product shows the difference.
        Random random = new(5);
        IEnumerable<ulong[]> close = Enumerable.Range(0, 400).Select(_ =>
        {
            ulong x = 0x3F800000UL + (uint)random.Next(1 << 23), y = 0x3F800000UL + (uint)random.Next(1 << 23);
            return new[] { x, y, single.Multiply(x, y) ^ 0x80000000 };
        });
        OpcodeBench.Check("fma.rn.f32", 'r', "rrr", close, v => single.MultiplyAdd(v[0], v[1], v[2]), SameSingle);
    }

    [Fact]
    public void Roots_and_reciprocals_are_rounded_once()
    {
        IEnumerable<ulong[]> a = single.Interesting(300).Select(x => new[] { x }), b = twice.Interesting(200).Select(x => new[] { x });
        OpcodeBench.Check("sqrt.rn.f32", 'r', "r", a, v => single.Root(v[0]), SameSingle);
        OpcodeBench.Check("rcp.rn.f32", 'r', "r", a, v => single.Divide(0x3F800000, v[0]), SameSingle);
        OpcodeBench.Check("sqrt.rn.f64", 'd', "d", b, v => twice.Root(v[0]), SameDouble);
        OpcodeBench.Check("rcp.rn.f64", 'd', "d", b, v => twice.Divide(0x3FF0000000000000, v[0]), SameDouble);
    }

    [Fact]
    public void Signs_are_bits()
    {
        IEnumerable<ulong[]> a = single.Interesting(20).Select(x => new[] { x }), b = twice.Interesting(20).Select(x => new[] { x });
        OpcodeBench.Check("neg.f32", 'r', "r", a, v => v[0] ^ 0x80000000);
        OpcodeBench.Check("abs.f32", 'r', "r", a, v => v[0] & 0x7FFFFFFF);
        OpcodeBench.Check("neg.f64", 'd', "d", b, v => v[0] ^ 1UL << 63);
        OpcodeBench.Check("abs.f64", 'd', "d", b, v => v[0] & ~(1UL << 63));
        OpcodeBench.Check("copysign.f32", 'r', "rr", OpcodeBench.Pairs(single.Interesting(3)), v => v[0] & 0x80000000 | v[1] & 0x7FFFFFFF);
        OpcodeBench.Check("copysign.f64", 'd', "dd", OpcodeBench.Pairs(twice.Interesting(3)), v => v[0] & 1UL << 63 | v[1] & ~(1UL << 63));
    }

    [Theory]
    [InlineData("min.f32", 0x3F800000, 0x40000000, 0x3F800000)]
    [InlineData("max.f32", 0x3F800000, 0x40000000, 0x40000000)]
    [InlineData("min.f32", 0x7FC00000, 0x40000000, 0x40000000)]               // a number if one is none
    [InlineData("min.f32", 0xC0000000, 0xFFC00000, 0xC0000000)]
    [InlineData("max.f32", 0x7F800001, 0xFF800000, 0xFF800000)]
    [InlineData("min.f32", 0x00000000, 0x80000000, 0x80000000)]               // −0 < +0
    [InlineData("max.f32", 0x80000000, 0x00000000, 0x00000000)]
    [InlineData("min.f32", 0x00000001, 0x80000001, 0x80000001)]               // subnormals
    [InlineData("min.ftz.f32", 0x00000001, 0x80000001, 0x80000000)]
    [InlineData("max.f32", 0xFF7FFFFF, 0xFF800000, 0xFF7FFFFF)]
    [InlineData("add.ftz.f32", 0x00000001, 0x00000001, 0x00000000)]
    [InlineData("add.ftz.f32", 0x80000001, 0x80000001, 0x80000000)]           // the sign of the zero stays
    [InlineData("add.ftz.f32", 0x00800001, 0x80800000, 0x00000000)]           // a subnormal result
    [InlineData("mul.ftz.f32", 0x00800000, 0x3F000000, 0x00000000)]
    [InlineData("mul.ftz.f32", 0x00400000, 0x7F000000, 0x00000000)]
    [InlineData("add.sat.f32", 0x3F400000, 0x3F400000, 0x3F800000)]           // 1.5 → 1
    [InlineData("add.sat.f32", 0xBF800000, 0x3E800000, 0x00000000)]           // −0.75 → +0
    [InlineData("add.sat.f32", 0x3E800000, 0x3E800000, 0x3F000000)]
    [InlineData("add.sat.f32", 0x7F800000, 0xFF800000, 0x00000000)]           // none → +0
    [InlineData("mul.sat.f32", 0x80000000, 0x3F800000, 0x00000000)]           // −0 → +0
    [InlineData("sub.sat.f32", 0x7F800000, 0x3F800000, 0x3F800000)]
    [InlineData("mul.ftz.sat.f32", 0x00000001, 0x7F000000, 0x00000000)]
    [InlineData("div.approx.f32", 0x40C00000, 0x40400000, 0x40000000)]        // 6 / 3
    [InlineData("div.approx.f32", 0x7F000000, 0x7F000000, 0x00000000)]        // divisors beyond 2^126
    [InlineData("div.full.f32", 0x7F000000, 0x7F000000, 0x3F800000)]
    [InlineData("div.approx.f32", 0x3F800000, 0x00000000, 0x7F800000)]
    public void Special_values_of_two_operands(string instruction, uint a, uint b, uint expected)
        => Assert.Equal(expected, OpcodeBench.Run(instruction, 'r', "rr", [[a, b], [a, b]])[1]);

    [Theory]
    [InlineData("min.f32", 0x7FC00000, 0x7FC00000)]
    [InlineData("min.NaN.f32", 0x3F800000, 0x7FC00000)]
    [InlineData("max.NaN.f32", 0xFFC00000, 0x3F800000)]
    [InlineData("div.approx.f32", 0x7F800000, 0x7F000000)]
    [InlineData("add.f32", 0x7F800000, 0xFF800000)]
    [InlineData("mul.f32", 0x7F800000, 0x00000000)]
    public void No_number_of_two_operands(string instruction, uint a, uint b)
        => Assert.True(single.IsNaN(OpcodeBench.Run(instruction, 'r', "rr", [[a, b]])[0]));

    [Theory]
    [InlineData("rcp.approx.f32", 0x00000000, 0x7F800000)]
    [InlineData("rcp.approx.f32", 0x80000000, 0xFF800000)]
    [InlineData("rcp.approx.f32", 0xFF800000, 0x80000000)]
    [InlineData("rcp.approx.ftz.f32", 0x00000001, 0x7F800000)]
    [InlineData("rsqrt.approx.f32", 0x00000000, 0x7F800000)]
    [InlineData("rsqrt.approx.f32", 0x80000000, 0xFF800000)]
    [InlineData("rsqrt.approx.f32", 0x7F800000, 0x00000000)]
    [InlineData("sqrt.approx.f32", 0x80000000, 0x80000000)]
    [InlineData("sqrt.approx.f32", 0x40800000, 0x40000000)]
    [InlineData("ex2.approx.f32", 0x00000000, 0x3F800000)]
    [InlineData("ex2.approx.f32", 0xFF800000, 0x00000000)]
    [InlineData("ex2.approx.f32", 0x7F800000, 0x7F800000)]
    [InlineData("ex2.approx.f32", 0x43000000, 0x7F800000)]                    // 2^128
    [InlineData("ex2.approx.f32", 0x42FE0000, 0x7F000000)]                    // 2^127
    [InlineData("ex2.approx.f32", 0xC3150000, 0x00000001)]                    // 2^−149
    [InlineData("ex2.approx.ftz.f32", 0xC3000000, 0x00000000)]                // 2^−128
    [InlineData("lg2.approx.f32", 0x00000000, 0xFF800000)]
    [InlineData("lg2.approx.f32", 0x7F800000, 0x7F800000)]
    [InlineData("lg2.approx.f32", 0x41000000, 0x40400000)]                    // lg 8 = 3
    [InlineData("lg2.approx.ftz.f32", 0x00000001, 0xFF800000)]
    [InlineData("sin.approx.f32", 0x80000000, 0x80000000)]
    [InlineData("cos.approx.f32", 0x00000000, 0x3F800000)]
    [InlineData("tanh.approx.f32", 0x7F800000, 0x3F800000)]
    [InlineData("tanh.approx.f32", 0xFF800000, 0xBF800000)]
    [InlineData("tanh.approx.f32", 0x80000000, 0x80000000)]
    [InlineData("tanh.approx.f32", 0x00000001, 0x00000001)]
    public void Special_values_of_one_operand(string instruction, uint a, uint expected)
        => Assert.Equal(expected, OpcodeBench.Run(instruction, 'r', "r", [[a], [a]])[1]);

    [Theory]
    [InlineData("rsqrt.approx.f32", 0xBF800000)]
    [InlineData("sqrt.rn.f32", 0xBF800000)]
    [InlineData("lg2.approx.f32", 0xBF800000)]
    [InlineData("ex2.approx.f32", 0x7FC00000)]
    [InlineData("sin.approx.f32", 0x7F800000)]
    [InlineData("cos.approx.f32", 0xFF800000)]
    [InlineData("tanh.approx.f32", 0x7FC00000)]
    public void No_number_of_one_operand(string instruction, uint a) => Assert.True(single.IsNaN(OpcodeBench.Run(instruction, 'r', "r", [[a]])[0]));

    /// <summary>The bounds of the PTX manual.</summary>
    [Theory]
    [InlineData("ex2.approx.f32", -126, 127, 2.4e-7, 0)]
    [InlineData("lg2.approx.f32", 0.01, 100, 0, 6e-7)]
    [InlineData("rcp.approx.f32", -1e30, 1e30, 1.2e-7, 0)]
    [InlineData("rsqrt.approx.f32", 1e-6, 1e30, 1.8e-7, 0)]
    [InlineData("sqrt.approx.f32", 0, 1e30, 1.8e-7, 0)]
    [InlineData("sin.approx.f32", -3.14159, 3.14159, 0, 5e-7)]
    [InlineData("cos.approx.f32", -3.14159, 3.14159, 0, 5e-7)]
    [InlineData("tanh.approx.f32", -12, 12, 2e-7, 0)]
    [InlineData("tanh.approx.f32", -1e-3, 1e-3, 2e-7, 0)]
    public void Functions_are_close(string instruction, double low, double high, double relative, double absolute)
    {
        Random random = new(7);
        float[] x = [.. Enumerable.Range(0, 500).Select(_ => (float)(low + random.NextDouble() * (high - low)))];
        ulong[] y = OpcodeBench.Run(instruction, 'r', "r", [.. x.Select(v => new ulong[] { BitConverter.SingleToUInt32Bits(v) })]);
        for (int i = 0; i < x.Length; i++)
        {
            double exact = instruction[..3] switch { "ex2" => Math.Pow(2, x[i]), "lg2" => Math.Log2(x[i]), "rcp" => 1.0 / x[i], "rsq" => 1 / Math.Sqrt(x[i]), "sqr" => Math.Sqrt(x[i]), "sin" => Math.Sin(x[i]), "cos" => Math.Cos(x[i]), _ => Math.Tanh(x[i]) };
            Assert.Equal(exact, BitConverter.UInt32BitsToSingle((uint)y[i]), relative * Math.Abs(exact) + absolute + 1e-45);
        }
    }

    [Fact]
    public void Fma_with_modifiers()
    {
        Assert.Equal(0x3F800000u, OpcodeBench.Run("fma.rn.sat.f32", 'r', "rrr", [[0x40000000, 0x40000000, 0x3F800000]])[0]);
        Assert.Equal(0u, OpcodeBench.Run("fma.rn.ftz.f32", 'r', "rrr", [[0x00000001, 0x3F800000, 0x80000000]])[0]);
        Assert.Equal(0x3F000000u, OpcodeBench.Run("fma.rn.ftz.sat.f32", 'r', "rrr", [[0x00000001, 0x7F000000, 0x3F000000]])[0]);
    }

    [Fact]
    public void Doubles_compare_as_numbers_do()
    {
        ulong[] a = twice.Interesting(2);
        double D(ulong bits) => BitConverter.UInt64BitsToDouble(bits);
        OpcodeBench.Check("min.f64", 'd', "dd", OpcodeBench.Pairs(a).Where(v => !(twice.IsNaN(v[0]) && twice.IsNaN(v[1]))), v => twice.IsNaN(v[0]) ? v[1] : twice.IsNaN(v[1]) ? v[0]
            : twice.IsZero(v[0]) && twice.IsZero(v[1]) ? v[0] | v[1] : D(v[0]) < D(v[1]) ? v[0] : v[1]);
        OpcodeBench.Check("max.f64", 'd', "dd", OpcodeBench.Pairs(a).Where(v => !(twice.IsNaN(v[0]) && twice.IsNaN(v[1]))), v => twice.IsNaN(v[0]) ? v[1] : twice.IsNaN(v[1]) ? v[0]
            : twice.IsZero(v[0]) && twice.IsZero(v[1]) ? v[0] & v[1] : D(v[0]) > D(v[1]) ? v[0] : v[1]);
    }

    [Theory]
    [InlineData("finite", 0x7F7FFFFF, 0x7F800000)]
    [InlineData("infinite", 0xFF800000, 0x7FC00000)]
    [InlineData("number", 0xFF800000, 0xFFC00000)]
    [InlineData("notanumber", 0x7F800001, 0x7F800000)]
    [InlineData("normal", 0x00800000, 0x007FFFFF)]
    [InlineData("subnormal", 0x80000001, 0x80000000)]
    public void Kinds_of_numbers(string kind, uint yes, uint no) => Assert.Equal([1UL, 0], OpcodeBench.Run($"testp.{kind}.f32", 'p', "r", [[yes], [no]]));
}
