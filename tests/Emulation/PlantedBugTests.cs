using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>Bugs planted in kernels and launches: each is caught, with kernel, line, instruction, block, thread and what was wrong.</summary>
public sealed class PlantedBugTests
{
    const string Tile = ".shared .align 16 .b8 tile[512];";

    static void Caught(EmulationException e, string instruction, Dim3 thread, params string[] says)
    {
        Assert.Equal("k", e.Kernel);
        Assert.StartsWith(instruction, e.Instruction);
        Assert.Equal(new Dim3(0, 0, 0), e.Block);
        Assert.Equal(thread, e.Thread);
        Assert.Contains($"line {e.Line}, block (0, 0, 0), thread {thread}", e.Message);
        Assert.All(says, s => Assert.Contains(s, e.Message));
    }

    /// <summary>Reverses 64 words through shared memory; the barrier between writing and reading may be left out.</summary>
    static string Reverse(string barrier) => Bench.MyWord + $"""
            mov.u32 %r1, tile;
            shl.b32 %r2, %r0, 2;
            add.u32 %r3, %r1, %r2;
            st.shared.u32 [%r3], %r0;
            {barrier}
            sub.u32 %r4, 252, %r2;
            add.u32 %r4, %r1, %r4;
            ld.shared.u32 %r5, [%r4];
            st.global.u32 [%d0], %r5;
            ret;
        """;

    [Fact]
    public void Missing_barrier()
    {
        Assert.Equal(63u, Bench.Words(Reverse("bar.sync 0;"), 64, before: Tile)[0]);
        // Warp 0 runs first and finds what warp 1 has not written yet.
        Caught(Bench.Fault(Reverse(""), 64, Tile), "ld.shared.u32", new(0, 0, 0), "byte 252 of shared memory (tile + 252)", "nobody has written");
        // Written once before: then it is a race.
        string stale = Bench.MyWord + """
                mov.u32 %r1, tile; shl.b32 %r2, %r0, 2; add.u32 %r3, %r1, %r2;
                st.shared.u32 [%r3], %r0;
                bar.sync 0;
                st.shared.u32 [%r3], 1;
                sub.u32 %r4, 252, %r2; add.u32 %r4, %r1, %r4;
                ld.shared.u32 %r5, [%r4];
                ret;
            """;
        Caught(Bench.Fault(stale, 64, Tile), "st.shared.u32 [%r3], 1", new(32, 0, 0), "race: writes byte 128", "warp 0 read with no barrier since");
    }

    [Fact]
    public void Two_warps_write_one_word()
        => Caught(Bench.Fault("st.shared.u32 [tile], 5;\nret;", 64, Tile), "st.shared.u32", new(32, 0, 0), "race: writes byte 0", "warp 0 wrote");

    [Fact]
    public void A_read_after_another_warps_write()
    {
        string body = Bench.MyWord + """
                setp.ge.u32 %p1, %r0, 32;
                @%p1 bra $read;
                st.shared.u32 [tile], 5;
                ret;
            $read:
                ld.shared.u32 %r1, [tile];
                ret;
            """;
        Caught(Bench.Fault(body, 64, Tile), "ld.shared.u32", new(32, 0, 0), "race: reads byte 0", "warp 0 wrote with no barrier since");
    }

    /// <summary>Halves of a word are different places: bf16 tiles of two warps may meet in one.</summary>
    [Fact]
    public void Two_warps_write_halves_of_a_word()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                shr.u32 %r1, %r0, 5;
                shl.b32 %r1, %r1, 1;
                mov.u32 %r2, tile;
                add.u32 %r1, %r1, %r2;
                cvt.u16.u32 %h1, %r1;
                st.shared.u16 [%r1], %h1;
                bar.sync 0;
                ld.shared.u32 %r3, [tile];
                st.global.u32 [%d0], %r3;
                ret;
            """, 64, before: Tile);
        Assert.All(words, w => Assert.Equal(0x00020000u, w));
    }

    [Fact]
    public void Tile_one_too_large()
    {
        string body = Bench.MyWord + "mov.u32 %r1, tile; mad.lo.u32 %r1, %r0, 4, %r1; st.shared.u32 [%r1+388], %r0; ret;";
        Caught(Bench.Fault(body, 32, Tile), "st.shared.u32", new(31, 0, 0), "byte 512 of shared memory, 4 bytes, is out of bounds: the block has 512 bytes");
    }

    [Fact]
    public void Off_by_one_in_global_memory()
        => Caught(Bench.Fault(Bench.MyWord + "st.global.u32 [%d0+4], %r0;\nret;", room: 128), "st.global.u32", new(31, 0, 0), "writes 4 bytes", "is 0 bytes behind the end of allocation 0 of 128 bytes");

    [Fact]
    public void Wrong_stride()
    {
        string body = Bench.MyWord + "mul.wide.u32 %d2, %r0, 36; add.s64 %d0, %d1, %d2; st.global.u32 [%d0], %r0; ret;";
        Caught(Bench.Fault(body, room: 1024), "st.global.u32", new(29, 0, 0), "is 20 bytes behind the end");
    }

    [Fact]
    public void Null_and_invented_addresses()
    {
        Caught(Bench.Fault("mov.u64 %d1, 16; ld.global.u32 %r1, [%d1]; ret;"), "ld.global.u32", new(0, 0, 0), "is null plus 16");
        Caught(Bench.Fault("mov.u64 %d1, 0x123456789ABC0; ld.global.u32 %r1, [%d1]; ret;"), "ld.global.u32", new(0, 0, 0), "was never handed out");
    }

    [Fact]
    public void Misaligned_vector()
    {
        Caught(Bench.Fault(Bench.MyWord + "st.global.v4.u32 [%d1+8], {%r0, %r0, %r0, %r0};\nret;"), "st.global.v4.u32", new(0, 0, 0), "misaligned", "an access of 16 bytes");
        Caught(Bench.Fault(Bench.MyWord + "st.shared.v2.u32 [tile+4], {%r0, %r0};\nret;", before: Tile), "st.shared.v2.u32", new(0, 0, 0), "misaligned: byte 4 of shared memory for an access of 8 bytes");
    }

    [Fact]
    public void Unwritten_memory()
    {
        Caught(Bench.Fault("ld.shared.u32 %r1, [tile+8];\nret;", before: Tile), "ld.shared.u32", new(0, 0, 0), "byte 8 of shared memory (tile + 8), which nobody has written");
        string global = Bench.MyWord + "setp.eq.u32 %p1, %r0, 7; @!%p1 st.global.u32 [%d0], 1; ld.global.u32 %r1, [%d0]; ret;";
        Caught(Bench.Fault(global), "ld.global.u32", new(7, 0, 0), "global memory that nobody has written: byte 28 of allocation 0");
        Caught(Bench.Fault(Bench.MyWord + "setp.lt.u32 %p1, %r0, 3; @%p1 mov.u32 %r5, 1; add.u32 %r6, %r5, 1; ret;"), "add.u32", new(3, 0, 0), "a register that has not been set");
    }

    /// <summary>A vector may reach into padding, as long as nobody uses what it finds there.</summary>
    [Fact]
    public void Unread_elements_may_be_unwritten()
    {
        string Body(string space, int used) => Bench.MyWord + $$"""
                st.{{space}}.u32 [{{(space == "shared" ? "tile" : "%d1")}}], 5;
                ld.{{space}}.v4.u32 {%r1, %r2, %r3, %r4}, [{{(space == "shared" ? "tile" : "%d1")}}];
                st.global.u32 [%d1+64], %r{{used}};
                ret;
            """;
        foreach (string space in (string[])["shared", "global"])
        {
            Assert.Equal(5u, Bench.Words(Body(space, 1), before: Tile)[16]);
            Caught(Bench.Fault(Body(space, 2), before: Tile), $"ld.{space}.v4", new(0, 0, 0), "nobody has written");
        }
    }

    [Fact]
    public void Missing_wait_for_a_copy()
    {
        string body = Bench.MyWord + """
                st.global.u32 [%d0], %r0;
                shl.b32 %r1, %r0, 2;
                mov.u32 %r2, tile;
                add.u32 %r2, %r2, %r1;
                cp.async.ca.shared.global [%r2], [%d0], 4;
                cp.async.commit_group;
                cp.async.wait_group 1;
                ld.shared.u32 %r3, [%r2];
                ret;
            """;
        Caught(Bench.Fault(body, before: Tile), "ld.shared.u32", new(0, 0, 0), "while an asynchronous copy into it is under way: wait for it first");
    }

    [Fact]
    public void Use_after_free()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel(Bench.MyWord + "st.global.u32 [%d0], %r0;\nret;"));
        ulong to = bench.Room(128);
        Bench.Run(kernel, new Launch(new(1), new(32)), to);
        bench.Gpu.Memory.Free(to);
        Caught(Assert.Throws<EmulationException>(() => Bench.Run(kernel, new Launch(new(1), new(32)), to)), "st.global.u32", new(0, 0, 0), "byte 0 of allocation 0 of 128 bytes, which has been freed");
        Assert.NotEqual(to, bench.Room(128));
        Assert.Contains("second free", Assert.Throws<EmulationException>(() => bench.Gpu.Memory.Free(to)).Message);
    }

    [Fact]
    public void Barrier_in_divergent_code()
    {
        Caught(Bench.Fault(Bench.MyWord + "setp.ge.u32 %p1, %r0, 5; @%p1 ret;\nbar.sync 0;\nret;", 64), "bar.sync", new(0, 0, 0), "have returned and never reach this barrier");
        Caught(Bench.Fault(Bench.MyWord + "setp.lt.u32 %p1, %r0, 5; @!%p1 bra $out;\nbar.sync 0;\n$out: ret;"), "bar.sync", new(0, 0, 0), "barrier in divergent code: lanes 0000001f of ffffffff");
        Caught(Bench.Fault(Bench.MyWord + "setp.lt.u32 %p1, %r0, 32; @%p1 bra $a;\nbar.sync 0;\nret;\n$a: bar.sync 0;\nret;", 64), "bar.sync", new(32, 0, 0), "warp 1 waits here, but warp 0 waits at line");
    }

    [Theory]
    [InlineData("shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;", "the mask names lanes ffffffff, but lanes 0000001f are here")]
    [InlineData("shfl.sync.down.b32 %r1, %r0, 4, 31, 31;", "reads from lane 5, which is not there")]
    [InlineData("vote.sync.ballot.b32 %r1, %p1, -1;", "the mask names lanes ffffffff")]
    [InlineData("bar.warp.sync -1;", "the mask names lanes ffffffff")]
    [InlineData("cp.async.commit_group;", "groups are counted for the warp")]
    [InlineData("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r1}, [tile];", "matrix instructions need all lanes")]
    public void Divergent_exchange(string instruction, string says)
    {
        EmulationException e = Bench.Fault(Bench.MyWord + $"setp.lt.u32 %p1, %r0, 5;\n@!%p1 bra $out;\n{instruction}\n$out: ret;", before: Tile);
        Assert.Contains(says, e.Message);
        Assert.StartsWith(instruction[..6], e.Instruction);
    }

    [Fact]
    public void Faults_name_the_first_block_that_meets_one()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel("mov.u32 %r1, %ctaid.x;\nsetp.lt.u32 %p1, %r1, 37;\n@%p1 ret;\ntrap;\nret;", ""));
        EmulationException e = Assert.Throws<EmulationException>(() => Bench.Run(kernel, new Launch(new(100), new(32)) { Threads = 4 }));
        Assert.Equal(new Dim3(37, 0, 0), e.Block);
        Assert.Contains("trapped", e.Message);
    }
}
