namespace MiniTorch.Tests.Emulation;

/// <summary>Relations, predicates and selections.</summary>
public sealed class CompareOpcodeTests
{
    static readonly string[] ordered = ["eq", "ne", "lt", "le", "gt", "ge"];

    /// <summary>A relation by its name, given how two values compare; null where one is no number.</summary>
    static bool Holds(string relation, int? order)
    {
        bool unordered = relation.Length == 3 && relation[2] == 'u';
        if (relation == "num") return order is not null;
        if (relation == "nan") return order is null;
        if (order is not { } o) return unordered;
        return relation[..2] switch { "eq" => o == 0, "ne" => o != 0, "lt" or "lo" => o < 0, "le" or "ls" => o <= 0, "gt" or "hi" => o > 0, _ => o >= 0 };
    }

    static ulong One(bool value) => value ? 1UL : 0;

    [Fact]
    public void Floats()
    {
        string[] relations = [.. ordered, .. ordered.Select(r => r + "u"), "num", "nan"];
        ulong[] a = ExactFloat.Single.Interesting(5), b = ExactFloat.Double.Interesting(3);
        int? Order(double x, double y) => double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y) is var o && x == y ? 0 : o;
        float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);
        float Flushed(ulong bits) => Single((bits & 0x7F800000) == 0 ? 0 : bits);
        foreach (string r in relations)
        {
            OpcodeBench.Check($"setp.{r}.f32", 'p', "rr", OpcodeBench.Pairs(a), v => One(Holds(r, Order(Single(v[0]), Single(v[1])))));
            OpcodeBench.Check($"setp.{r}.ftz.f32", 'p', "rr", OpcodeBench.Pairs(a), v => One(Holds(r, Order(Flushed(v[0]), Flushed(v[1])))));
            OpcodeBench.Check($"setp.{r}.f64", 'p', "dd", OpcodeBench.Pairs(b), v => One(Holds(r, Order(BitConverter.UInt64BitsToDouble(v[0]), BitConverter.UInt64BitsToDouble(v[1])))));
        }
    }

    [Theory, InlineData(16, 'h'), InlineData(32, 'r'), InlineData(64, 'd')]
    public void Integers(int width, char letter)
    {
        ulong[] values = [0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, long.MaxValue, 1UL << 63, ulong.MaxValue];
        int shift = 64 - width;
        foreach (string r in ordered)
        {
            OpcodeBench.Check($"setp.{r}.s{width}", 'p', $"{letter}{letter}", OpcodeBench.Pairs(values), v => One(Holds(r, ((long)(v[0] << shift)).CompareTo((long)(v[1] << shift)))));
            OpcodeBench.Check($"setp.{r}.u{width}", 'p', $"{letter}{letter}", OpcodeBench.Pairs(values), v => One(Holds(r, (v[0] << shift).CompareTo(v[1] << shift))));
        }
        foreach (string r in (string[])["lo", "ls", "hi", "hs"])
            OpcodeBench.Check($"setp.{r}.u{width}", 'p', $"{letter}{letter}", OpcodeBench.Pairs(values), v => One(Holds(r == "hs" ? "ge" : r, (v[0] << shift).CompareTo(v[1] << shift))));
        foreach (string r in (string[])["eq", "ne"])
            OpcodeBench.Check($"setp.{r}.b{width}", 'p', $"{letter}{letter}", OpcodeBench.Pairs(values), v => One(Holds(r, (v[0] << shift).CompareTo(v[1] << shift))));
    }

    static readonly ulong[][] truth = [[0, 0], [0, 1], [1, 0], [1, 1]];

    [Fact]
    public void Predicates()
    {
        OpcodeBench.Check("and.pred", 'p', "pp", truth, v => v[0] & v[1]);
        OpcodeBench.Check("or.pred", 'p', "pp", truth, v => v[0] | v[1]);
        OpcodeBench.Check("xor.pred", 'p', "pp", truth, v => v[0] ^ v[1]);
        OpcodeBench.Check("not.pred", 'p', "p", [[0], [1]], v => 1 - v[0]);
        OpcodeBench.Check("mov.pred", 'p', "p", [[0], [1]], v => v[0]);
    }

    [Fact]
    public void Relations_combine_with_a_predicate()
    {
        ulong[][] rows = [.. from a in (ulong[])[1, 2] from p in (ulong[])[0, 1] select new[] { a, 2UL, p }];
        OpcodeBench.Check("setp.eq.and.u32", 'p', "rrp", rows, v => One(v[0] == v[1] && v[2] == 1));
        OpcodeBench.Check("setp.eq.or.u32", 'p', "rrp", rows, v => One(v[0] == v[1] || v[2] == 1));
        OpcodeBench.Check("setp.eq.xor.u32", 'p', "rrp", rows, v => One(v[0] == v[1] ^ v[2] == 1));
        // d|q: the opposite relation with the same predicate; !p: the predicate the other way round.
        uint[] words = Bench.Words(Bench.MyWord + """
                setp.lt.u32 %p1, %r0, 8;
                setp.lt.and.u32 %p2|%p3, %r0, 4, !%p1;
                setp.lt.u32 %p4|%p5, %r0, 16;
                selp.u32 %r1, 1, 0, %p2;
                selp.u32 %r2, 2, 0, %p3;
                selp.u32 %r3, 4, 0, %p5;
                or.b32 %r1, %r1, %r2;
                or.b32 %r1, %r1, %r3;
                st.global.u32 [%d0], %r1;
                ret;
            """);
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => (uint)((i < 4 && i >= 8 ? 1 : 0) + (i >= 4 && i >= 8 ? 2 : 0) + (i >= 16 ? 4 : 0)))], words);
    }

    [Theory, InlineData("b16", 'h'), InlineData("b32", 'r'), InlineData("f32", 'r'), InlineData("u32", 'r'), InlineData("b64", 'd'), InlineData("f64", 'd')]
    public void Selection_and_moves(string type, char letter)
    {
        IEnumerable<ulong[]> rows = OpcodeBench.Random(2, 64).Select((r, i) => new[] { r[0], r[1], (ulong)(i & 1) });
        OpcodeBench.Check($"selp.{type}", letter, $"{letter}{letter}p", rows, v => v[2] != 0 ? v[0] : v[1]);
        OpcodeBench.Check($"mov.{type}", letter, $"{letter}", OpcodeBench.Random(1, 40), v => v[0]);
    }

    [Fact]
    public void Registers_are_packed_and_taken_apart()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                mov.u32 %r1, 0x11223344;
                mov.u32 %r2, 0x55667788;
                mov.b64 %d3, {%r1, %r2};
                shr.u64 %d3, %d3, 8;
                mov.b64 {%r3, %r4}, %d3;
                mov.b32 {%h1, %h2}, %r3;
                mov.b32 %r5, {%h2, %h1};
                setp.eq.u32 %p1, %r0, 0;
                setp.eq.u32 %p2, %r0, 1;
                selp.u32 %r6, %r4, %r5, %p1;
                selp.u32 %r6, %r3, %r6, %p2;
                st.global.u32 [%d0], %r6;
                ret;
            """);
        Assert.Equal([0x00556677u, 0x88112233, 0x22338811], words[..3]);
    }
}
