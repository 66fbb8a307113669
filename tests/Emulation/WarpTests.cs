using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>What threads tell each other: shuffles, votes, barriers, atomics, asynchronous copies, matrices.</summary>
public sealed class WarpTests
{
    /// <summary>The definition of the PTX manual, for all modes, some widths and distances; the predicate tells whether the lane was in range.</summary>
    [Theory, InlineData("up"), InlineData("down"), InlineData("bfly"), InlineData("idx")]
    public void Shuffles(string mode)
    {
        foreach (int width in (int[])[32, 16, 8])
            foreach (int by in (int[])[0, 1, 3, 8, 31])
            {
                int clamp = (32 - width) << 8 | (mode == "up" ? 0 : 31);
                uint[] words = Bench.Words(Bench.MyWord + $"""
                        add.u32 %r1, %r0, 1000;
                        shfl.sync.{mode}.b32 %r1|%p1, %r1, {by}, {clamp}, -1;
                        selp.u32 %r2, 10000, 0, %p1;
                        add.u32 %r1, %r1, %r2;
                        st.global.u32 [%d0], %r1;
                        ret;
                    """);
                for (int lane = 0; lane < 32; lane++)
                {
                    int first = lane / width * width, from = mode switch { "up" => lane - by, "down" => lane + by, "bfly" => lane ^ by, _ => first + by % width };
                    bool within = from >= (mode == "up" ? first : 0) && from < first + width;
                    Assert.Equal((uint)((within ? 11000 : 1000) + (within ? from : lane)), words[lane]);
                }
            }
    }

    [Fact]
    public void Votes_and_reductions()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                setp.lt.u32 %p1, %r0, 20;
                vote.sync.ballot.b32 %r1, %p1, -1;
                vote.sync.ballot.b32 %r2, !%p1, -1;
                vote.sync.all.pred %p2, %p1, -1;
                vote.sync.any.pred %p3, %p1, -1;
                vote.sync.uni.pred %p4, %p1, -1;
                selp.u32 %r3, 1, 0, %p2;
                selp.u32 %r4, 2, 0, %p3;
                selp.u32 %r5, 4, 0, %p4;
                or.b32 %r3, %r3, %r4;
                or.b32 %r3, %r3, %r5;
                sub.s32 %r6, %r0, 5;
                redux.sync.add.s32 %r7, %r6, -1;
                redux.sync.min.s32 %r8, %r6, -1;
                redux.sync.max.u32 %r9, %r6, -1;
                redux.sync.xor.b32 %r10, %r6, -1;
                @%p1 activemask.b32 %r11;
                ld.param.u64 %d1, [out];
                setp.ne.u32 %p5, %r0, 0;
                @%p5 ret;
                st.global.v4.u32 [%d1], {%r1, %r2, %r3, %r7};
                st.global.v4.u32 [%d1+16], {%r8, %r9, %r10, %r11};
                ret;
            """);
        uint xor = 0;
        for (int i = 0; i < 32; i++) xor ^= (uint)(i - 5);
        Assert.Equal([0xFFFFFu, 0xFFF00000, 2, 31 * 16 - 160, unchecked((uint)-5), uint.MaxValue, xor, 0xFFFFF], words[..8]);
    }

    /// <summary>Two warps and more: what one writes before the barrier, the others read behind it.</summary>
    [Fact]
    public void Barriers()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                mov.u32 %r1, tile;
                shl.b32 %r2, %r0, 2;
                add.u32 %r3, %r1, %r2;
                mul.lo.u32 %r4, %r0, %r0;
                st.shared.u32 [%r3], %r4;
                bar.sync 0;
                sub.u32 %r5, 508, %r2;
                add.u32 %r5, %r1, %r5;
                ld.shared.u32 %r6, [%r5];
                bar.sync 0;
                st.shared.u32 [%r3], %r6;
                bar.sync 0;
                ld.shared.u32 %r7, [tile+4];
                add.u32 %r6, %r6, %r7;
                st.global.u32 [%d0], %r6;
                ret;
            """, threads: 128, before: ".shared .align 4 .b8 tile[512];");
        Assert.Equal([.. Enumerable.Range(0, 128).Select(i => (uint)((127 - i) * (127 - i) + 126 * 126))], words);
    }

    [Theory]
    [InlineData("add.u32", 7, 7 + 64 * 3)]
    [InlineData("add.s32", 7, 7 + 64 * 3)]
    [InlineData("min.u32", 7, 3)]
    [InlineData("max.u32", 7, 7)]
    [InlineData("and.b32", 6, 2)]
    [InlineData("or.b32", 4, 7)]
    [InlineData("xor.b32", 5, 5)]
    [InlineData("exch.b32", 5, 3)]
    [InlineData("inc.u32", 0, 0)]                 // 0 1 2 3 0 ...: 64 rounds of a cycle of 4
    [InlineData("dec.u32", 3, 3)]
    public void Atomics(string operation, uint start, uint expected)
    {
        foreach (string space in (string[])["global", "shared"])
            foreach (string name in (string[])["atom", "red"])
            {
                if (name == "red" && operation == "exch.b32") continue;
                uint[] words = Bench.Words(Bench.MyWord + $"""
                        setp.ne.u32 %p1, %r0, 0;
                        @%p1 bra $go;
                        st.global.u32 [%d1], {start};
                        st.shared.u32 [cell], {start};
                    $go:
                        bar.sync 0;
                        {name}.{space}.{operation} {(name == "atom" ? "%r2, " : "")}[{(space == "global" ? "%d1" : "cell")}], 3;
                        bar.sync 0;
                        @%p1 ret;
                        ld.{space}.u32 %r3, [{(space == "global" ? "%d1" : "cell")}];
                        st.global.u32 [%d1], %r3;
                        ret;
                    """, threads: 64, before: ".shared .align 4 .u32 cell;");
                Assert.Equal(expected, words[0]);
            }
    }

    /// <summary>Every thread takes a ticket; the tickets are all different. 64 bits, floats and compare-and-swap.</summary>
    [Fact]
    public void Atomics_return_the_old_value()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                atom.global.add.u32 %r1, [%d1+256], 1;
                mul.wide.u32 %d2, %r1, 4;
                add.u64 %d3, %d1, %d2;
                st.global.u32 [%d3], %r0;
                atom.global.add.f32 %f1, [%d1+260], 0f3F000000;
                cvt.u64.u32 %d4, %r0;
                red.global.max.u64 [%d1+264], %d4;
                atom.global.cas.b32 %r2, [%d1+272], 0, 5;
                atom.global.cas.b32 %r3, [%d1+272], 5, 6;
                red.relaxed.gpu.global.add.f32 [%d1+276], 0f40000000;
                ret;
            """, threads: 64, words: 80);
        Assert.Equal(Enumerable.Range(0, 64).Select(i => (uint)i), words[..64].Order());
        Assert.Equal([64u, BitConverter.SingleToUInt32Bits(32), 63, 0, 6, BitConverter.SingleToUInt32Bits(128)], words[64..70]);
    }

    [Fact]
    public void Asynchronous_copies_arrive_at_the_wait()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel(Bench.MyWord + """
                ld.param.u64 %d3, [in];
                mul.wide.u32 %d4, %r0, 16;
                add.u64 %d5, %d3, %d4;
                shl.b32 %r1, %r0, 4;
                mov.u32 %r2, tile;
                add.u32 %r2, %r2, %r1;
                mov.u32 %r4, 12;
                cp.async.cg.shared.global [%r2], [%d5], 16, %r4;
                cp.async.commit_group;
                cp.async.ca.shared.global [%r2+512], [%d5+4], 4;
                cp.async.commit_group;
                cp.async.wait_group 1;
                ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r2];
                cp.async.wait_all;
                ld.shared.u32 %r9, [%r2+512];
                add.u32 %r5, %r5, %r7;
                add.u32 %r5, %r5, %r8;
                add.u32 %r5, %r5, %r9;
                st.global.u32 [%d0], %r5;
                ret;
            """, ".param .u64 out, .param .u64 in", ".shared .align 16 .b8 tile[1024];"));
        ulong to = bench.Room(128), from = bench.Buffer<uint>([.. Enumerable.Range(0, 128).Select(i => (uint)(i * i))]);
        Bench.Run(kernel, new Launch(new(1), new(32)), to, from);
        // words 4i, 4i + 2 and 4i + 1; the fourth is beyond the 12 bytes read, so 0
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => (uint)(4 * i * 4 * i + (4 * i + 2) * (4 * i + 2) + (4 * i + 1) * (4 * i + 1)))], bench.Read<uint>(to, 32));
    }

    [Theory, InlineData(16, "bf16"), InlineData(8, "bf16"), InlineData(8, "tf32"), InlineData(4, "tf32")]
    public void Matrix_products(int k, string type)
    {
        // A is [16, k], B [k, 8]; small integers, so that every order of summation gives the same.
        Random random = new(k);
        float[,] a = new float[16, k], b = new float[k, 8], c = new float[16, 8];
        foreach (float[,] m in (float[][,])[a, b, c]) for (int i = 0; i < m.GetLength(0); i++) for (int j = 0; j < m.GetLength(1); j++) m[i, j] = random.Next(-9, 10);
        bool brain = type == "bf16";
        uint Pair(float x, float y) => brain ? BitConverter.SingleToUInt32Bits(x) >> 16 | BitConverter.SingleToUInt32Bits(y) & 0xFFFF0000 : BitConverter.SingleToUInt32Bits(x);
        int na = brain ? k / 4 : k / 2, nb = na / 2;
        List<uint> words = [];
        for (int lane = 0; lane < 32; lane++)
        {
            (int g, int t) = (lane / 4, lane % 4);
            for (int q = 0; q < na; q++)
            {
                int row = g + 8 * (q % 2), column = brain ? 2 * t + 8 * (q / 2) : t + 4 * (q / 2);
                words.Add(Pair(a[row, column], brain ? a[row, column + 1] : 0));
            }
            for (int q = 0; q < nb; q++)
            {
                int row = brain ? 2 * t + 8 * q : t + 4 * q;
                words.Add(Pair(b[row, g], brain ? b[row + 1, g] : 0));
            }
            for (int q = 0; q < 4; q++) words.Add(BitConverter.SingleToUInt32Bits(c[g + 8 * (q / 2), 2 * t + q % 2]));
        }
        string List(int first, int count, char letter = 'r') => "{" + string.Join(", ", Enumerable.Range(first, count).Select(i => $"%{letter}{i}")) + "}";
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel($"""
                mov.u32 %r0, %tid.x;
                ld.param.u64 %d1, [out];
                ld.param.u64 %d2, [in];
                mul.wide.u32 %d3, %r0, {4 * (na + nb + 4)};
                add.u64 %d2, %d2, %d3;
                {string.Join('\n', Enumerable.Range(0, na + nb).Select(i => $"ld.global.u32 %r{10 + i}, [%d2+{4 * i}];"))}
                {string.Join('\n', Enumerable.Range(0, 4).Select(i => $"ld.global.f32 %f{i}, [%d2+{4 * (na + nb + i)}];"))}
                mma.sync.aligned.m16n8k{k}.row.col.f32.{type}.{type}.f32 {List(0, 4, 'f')}, {List(10, na)}, {List(10 + na, nb)}, {List(0, 4, 'f')};
                mul.wide.u32 %d3, %r0, 16;
                add.u64 %d1, %d1, %d3;
                st.global.v4.f32 [%d1], {List(0, 4, 'f')};
                ret;
            """, ".param .u64 out, .param .u64 in"));
        ulong to = bench.Room(512);
        LaunchCounters counters = Bench.Run(kernel, new Launch(new(1), new(32)), to, bench.Buffer<uint>([.. words]));
        float[] d = bench.Read<float>(to, 128);
        for (int lane = 0; lane < 32; lane++)
            for (int q = 0; q < 4; q++)
            {
                int row = lane / 4 + 8 * (q / 2), column = 2 * (lane % 4) + q % 2;
                float sum = c[row, column];
                for (int i = 0; i < k; i++) sum += a[row, i] * b[i, column];
                Assert.Equal(sum, d[4 * lane + q]);
            }
        Assert.Equal(1, counters.MatrixInstructions);
    }

    [Theory, InlineData(1, ""), InlineData(2, ""), InlineData(4, ""), InlineData(4, ".trans"), InlineData(1, ".trans")]
    public void Matrices_are_loaded_by_rows_of_lanes(int count, string transposed)
    {
        // Matrix m, row r, column c of 16 bits holds 256 m + 16 r + c; rows lie 48 bytes apart.
        string list = string.Join(", ", Enumerable.Range(20, count).Select(i => $"%r{i}"));
        uint[] words = Bench.Words(Bench.MyWord + $$"""
                mov.u32 %r1, tile;
                mad.lo.u32 %r1, %r0, 48, %r1;
                shl.b32 %r2, %r0, 4;
                and.b32 %r3, %r0, 24;
                mul.lo.u32 %r3, %r3, 16;
                add.u32 %r2, %r2, %r3;
                mad.lo.u32 %r4, %r2, 65537, 65536;
                st.shared.u32 [%r1], %r4; add.u32 %r4, %r4, 131074;
                st.shared.u32 [%r1+4], %r4; add.u32 %r4, %r4, 131074;
                st.shared.u32 [%r1+8], %r4; add.u32 %r4, %r4, 131074;
                st.shared.u32 [%r1+12], %r4;
                bar.sync 0;
                ldmatrix.sync.aligned.m8n8.x{{count}}{{transposed}}.shared.b16 { {{list}} }, [%r1];
                mul.wide.u32 %d2, %r0, {{4 * count}};
                add.u64 %d2, %d1, %d2;
                {{string.Join('\n', Enumerable.Range(0, count).Select(i => $"st.global.u32 [%d2+{4 * i}], %r{20 + i};"))}}
                ret;
            """, words: 32 * count, before: ".shared .align 16 .b8 tile[2048];");
        for (int lane = 0; lane < 32; lane++)
            for (int m = 0; m < count; m++)
            {
                int row = lane / 4, column = 2 * (lane % 4);
                uint Element(int r, int c) => (uint)(256 * m + 16 * r + c);
                uint expected = transposed == "" ? Element(row, column) | Element(row, column + 1) << 16 : Element(column, row) | Element(column + 1, row) << 16;
                Assert.Equal(expected, words[lane * count + m]);
            }
    }
}
