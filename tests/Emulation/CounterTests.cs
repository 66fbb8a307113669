using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>Counts against access patterns whose cost is known.</summary>
public sealed class CounterTests
{
    static LaunchCounters Run(string body, int threads = 32, int room = 1 << 16)
    {
        using Bench bench = new();
        return Bench.Run(bench.Load(Bench.Kernel(body)), new(new(1), new(threads), 8192) { Checks = Checks.None }, bench.Room(room));
    }

    /// <summary>Bytes between lanes; sectors and the fewest possible.</summary>
    [Theory]
    [InlineData("u32", 4, 0, 4, 4)]
    [InlineData("u32", 4, 4, 5, 4)]              // shifted by a word
    [InlineData("u32", 8, 0, 8, 4)]
    [InlineData("u32", 32, 0, 32, 4)]
    [InlineData("u32", 128, 0, 32, 4)]
    [InlineData("u32", 0, 0, 1, 1)]              // the same word for all
    [InlineData("u16", 2, 0, 2, 2)]
    [InlineData("u64", 8, 0, 8, 8)]
    [InlineData("v4.u32", 16, 0, 16, 16)]
    [InlineData("v4.u32", 32, 0, 32, 16)]
    [InlineData("v4.u32", 0, 0, 1, 1)]
    public void Sectors_of_global_memory(string type, int stride, int shift, int sectors, int ideal)
    {
        string register = type switch { "u16" => "%h1", "u64" => "%d9", "u32" => "%r9", _ => "{%r10, %r11, %r12, %r13}" };
        LaunchCounters counters = Run(Bench.MyWord + $"mul.wide.u32 %d2, %r0, {stride};\nadd.u64 %d3, %d1, %d2;\nld.global.{type} {register}, [%d3+{shift}];\nret;");
        Assert.Equal((sectors, ideal), ((int)counters.GlobalSectors, (int)counters.IdealGlobalSectors));
        Assert.Equal(32 * sectors, counters.FootprintReadBytes);
        Assert.Equal(0, counters.FootprintWrittenBytes);
    }

    [Fact]
    public void Scattered_lanes_in_any_order_count_each_sector_once()
    {
        // Lane l reads word 8 · (l · 5 mod 32): all sectors differ; then word (l · 5 mod 32): four sectors.
        string body = Bench.MyWord + "mul.lo.u32 %r1, %r0, 5; and.b32 %r1, %r1, 31; mul.wide.u32 %d2, %r1, SCALE; add.u64 %d3, %d1, %d2; ld.global.u32 %r2, [%d3]; ret;";
        Assert.Equal(32, Run(body.Replace("SCALE", "32")).GlobalSectors);
        Assert.Equal(4, Run(body.Replace("SCALE", "4")).GlobalSectors);
    }

    /// <summary>Words between lanes; wavefronts and their number without conflicts.</summary>
    [Theory]
    [InlineData("u32", 1, 1, 1)]
    [InlineData("u32", 2, 2, 1)]
    [InlineData("u32", 3, 1, 1)]                 // odd strides meet every bank once
    [InlineData("u32", 33, 1, 1)]
    [InlineData("u32", 32, 32, 1)]
    [InlineData("u32", 16, 16, 1)]
    [InlineData("u32", 0, 1, 1)]                 // broadcast
    [InlineData("v2.u32", 2, 2, 2)]
    [InlineData("v2.u32", 4, 4, 2)]
    [InlineData("v4.u32", 4, 4, 4)]
    [InlineData("v4.u32", 8, 8, 4)]
    [InlineData("v4.u32", 36, 4, 4)]             // a pitch of 36 words: 8 lanes meet 8 groups of 4 banks
    public void Wavefronts_of_shared_memory(string type, int stride, int wavefronts, int ideal)
    {
        string registers = type switch { "u32" => "%r9", "v2.u32" => "{%r10, %r11}", _ => "{%r10, %r11, %r12, %r13}" };
        LaunchCounters counters = Run(Bench.MyWord + $"mul.lo.u32 %r1, %r0, {4 * stride};\nld.shared.{type} {registers}, [%r1];\nret;");
        Assert.Equal((wavefronts, ideal), ((int)counters.SharedWavefronts, (int)counters.IdealSharedWavefronts));
    }

    [Fact]
    public void Half_words_of_one_word_are_no_conflict()
        => Assert.Equal(1, Run(Bench.MyWord + "mul.lo.u32 %r1, %r0, 2; ld.shared.u16 %h1, [%r1]; ret;").SharedWavefronts);

    [Fact]
    public void Matrix_rows_in_one_bank_conflict()
    {
        string body = Bench.MyWord + "mul.lo.u32 %r1, %r0, PITCH; and.b32 %r1, %r1, 8191; ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r1]; ret;";
        Assert.Equal(4, Run(body.Replace("PITCH", "16")).SharedWavefronts);
        Assert.Equal(32, Run(body.Replace("PITCH", "128")).SharedWavefronts);
        Assert.Equal(4, Run(body.Replace("PITCH", "144")).SharedWavefronts);
    }

    [Fact]
    public void Instructions_of_a_loop()
    {
        LaunchCounters counters = Run(Bench.MyWord + """
                mov.u32 %r1, 0;
                mov.f32 %f1, 0f00000000;
            $loop:
                fma.rn.f32 %f1, %f1, 0f3F800000, 0f3F800000;
                add.f32 %f2, %f1, %f1;
                add.u32 %r1, %r1, 1;
                setp.lt.u32 %p1, %r1, 10;
                @%p1 bra $loop;
                bar.sync 0;
                setp.lt.u32 %p2, %r0, 8;
                @%p2 st.global.f32 [%d0], %f2;
                ret;
            """, threads: 80);
        // three warps, the last of 16 lanes
        Assert.Equal(3 * (4 + 2 + 50 + 4), counters.WarpInstructions);
        Assert.Equal(80 * (4 + 2 + 49 + 3) + 8, counters.ThreadInstructions);             // guards leave out the last branch, and the store of most
        Assert.Equal((30, 30, 3), (counters.FmaInstructions, counters.FloatInstructions, counters.Barriers));
        LaunchCounters loop = counters.Hottest();
        Assert.Equal((150, 30), (loop.WarpInstructions, loop.FmaInstructions));
        int line = counters.Instructions.Single(i => i.Text.StartsWith("fma", StringComparison.Ordinal)).Line;
        Assert.Equal(60, counters.Between(line, line + 1).WarpInstructions);
        Assert.Equal((32, 1), (counters.FootprintWrittenBytes, counters.GlobalSectors));
    }

    /// <summary>The largest of the five terms, at the rates of the model.</summary>
    [Fact]
    public void Estimate_is_the_largest_bound()
    {
        GpuModel model = new("toy", 2, 1e6, 1e6, 100, 1 << 16);
        LaunchCounters memory = Run(Bench.MyWord + "st.global.u32 [%d0], %r0;\nret;");
        Assert.Equal(new Estimate(128 / 1e6, Bound.Memory), model.Estimate(memory));
        LaunchCounters shared = Run(Bench.MyWord + "mul.lo.u32 %r1, %r0, 128;\nld.shared.u32 %r2, [%r1];\nld.shared.u32 %r2, [%r1];\nret;");
        Assert.Equal(new Estimate(64 / 2e6, Bound.Shared), model.Estimate(shared));
        LaunchCounters issue = Run(Bench.MyWord + "fma.rn.f32 %f1, 0f3F800000, 0f3F800000, 0f3F800000;\nret;");
        Assert.Equal(new Estimate(6 / 8e6, Bound.Issue), model.Estimate(issue));
        string zeros = string.Concat(Enumerable.Range(1, 10).Select(i => $"mov.b32 %r{i}, 0;\n")) + string.Concat(Enumerable.Range(1, 4).Select(i => $"mov.f32 %f{i}, 0f00000000;\n"));
        LaunchCounters matrix = Run(zeros + "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};\nret;");
        Assert.Equal(new Estimate(2048 / 2e8, Bound.Matrix), model.Estimate(matrix));
    }

    [Fact]
    public void Registers_alive_at_once()
    {
        // %r1 … %r6 are alive together, %d1 counts twice, and what is not read any more makes room.
        string body = string.Concat(Enumerable.Range(1, 6).Select(i => $"mov.u32 %r{i}, %tid.x;\n")) + "ld.param.u64 %d1, [out];\n"
            + string.Concat(Enumerable.Range(2, 5).Select(i => $"add.u32 %r1, %r1, %r{i};\n")) + "st.global.u32 [%d1], %r1;\nret;";
        Assert.Equal(8, PtxModule.Parse(Bench.Kernel(body)).Kernel("k").Code.RegisterPressure);
    }
}
