using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>Branches that part the lanes of a warp, and where they meet again.</summary>
public sealed class ControlFlowTests
{
    /// <summary>Each lane counts its own number of rounds; inside, every other round takes another way.</summary>
    [Fact]
    public void Nested_loops_and_branches_keep_lanes_apart()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                mov.u32 %r1, 0;
                mov.u32 %r2, 0;
            $outer:
                setp.ge.u32 %p1, %r1, %r0;
                @%p1 bra $done;
                mov.u32 %r3, 0;
            $inner:
                and.b32 %r4, %r3, 1;
                setp.eq.u32 %p2, %r4, 0;
                @!%p2 bra $odd;
                add.u32 %r2, %r2, 3;
                bra.uni $next;
            $odd:
                add.u32 %r2, %r2, %r1;
            $next:
                add.u32 %r3, %r3, 1;
                setp.le.u32 %p3, %r3, %r1;
                @%p3 bra $inner;
                add.u32 %r1, %r1, 1;
                bra.uni $outer;
            $done:
                st.global.u32 [%d0], %r2;
                ret;
            """);
        uint Expected(uint lane)
        {
            uint sum = 0;
            for (uint i = 0; i < lane; i++) for (uint j = 0; j <= i; j++) sum += j % 2 == 0 ? 3 : i;
            return sum;
        }
        Assert.Equal([.. Enumerable.Range(0, 32).Select(l => Expected((uint)l))], words);
    }

    /// <summary>After the branch all lanes are together again: a shuffle of all is no fault, and the code behind runs once.</summary>
    [Fact]
    public void Lanes_meet_where_the_ways_do()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel(Bench.MyWord + """
                setp.lt.u32 %p1, %r0, 11;
                @%p1 bra $left;
                add.u32 %r1, %r0, 100;
                bra.uni $join;
            $left:
                add.u32 %r1, %r0, 200;
            $join:
                shfl.sync.idx.b32 %r2, %r1, 31, 31, -1;
                add.u32 %r2, %r2, %r1;
                st.global.u32 [%d0], %r2;
                ret;
            """));
        ulong to = bench.Room(128);
        LaunchCounters counters = Bench.Run(kernel, new Launch(new(1), new(32)), to);
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => (uint)(131 + i + (i < 11 ? 200 : 100)))], bench.Read<uint>(to, 32));
        Assert.Equal(1, counters.Instructions.Single(i => i.Text.StartsWith("shfl", StringComparison.Ordinal)).Counts.Executions);
        Assert.Equal(11, counters.Instructions.Single(i => i.Text.Contains("200")).Counts.Lanes);
    }

    [Fact]
    public void Lanes_that_return_early_are_gone_from_every_way()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                st.global.u32 [%d0], 1;
                setp.lt.u32 %p1, %r0, 16;
                @%p1 bra $left;
                setp.gt.u32 %p2, %r0, 23;
                @%p2 ret;
                st.global.u32 [%d0], 2;
                bra.uni $join;
            $left:
                setp.lt.u32 %p3, %r0, 4;
                @%p3 exit;
                st.global.u32 [%d0], 3;
            $join:
                ld.global.u32 %r1, [%d0];
                add.u32 %r1, %r1, 10;
                st.global.u32 [%d0], %r1;
                ret;
            """);
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => i < 4 ? 1u : i < 16 ? 13u : i < 24 ? 12u : 1u)], words);
    }

    [Fact]
    public void Loops_without_end_are_caught()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel("mov.u32 %r1, 0;\n$again:\nadd.u32 %r1, %r1, 1;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra $again;\nbra.uni $again;", ""));
        EmulationException e = Assert.Throws<EmulationException>(() => Bench.Run(kernel, new Launch(new(1), new(32)) { InstructionLimit = 100_000 }));
        Assert.Contains("endless", e.Message);
    }

    /// <summary>Names in inner braces hide outer ones, as inline assembly has it; labels too.</summary>
    [Fact]
    public void Braces_are_scopes()
    {
        uint[] words = Bench.Words(Bench.MyWord + """
                mov.u32 %r1, 5;
                { .reg .b32 %r1; .reg .pred q;
                  mov.u32 %r1, 7; setp.lt.u32 q, %r0, 3; @q bra skip; mov.u32 %r1, 9;
                  skip: mov.u32 %r2, %r1; }
                { .reg .b32 t; .reg .pred q; mov.u32 t, 100; setp.ge.u32 q, %r0, 3; @q bra skip; mov.u32 t, 200;
                  skip: add.u32 %r2, %r2, t; }
                add.u32 %r2, %r2, %r1;
                st.global.u32 [%d0], %r2; // a comment
                /* another
                   one */ ret;
            """);
        Assert.Equal([.. Enumerable.Range(0, 32).Select(i => i < 3 ? 212u : 114u)], words);
    }

    [Fact]
    public void Places_of_threads_and_blocks()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel("""
                mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z;
                mov.u32 %r4, %ntid.x; mov.u32 %r5, %ntid.y; mov.u32 %r6, %ntid.z;
                mov.u32 %r7, %ctaid.x; mov.u32 %r8, %ctaid.y; mov.u32 %r9, %ctaid.z;
                mov.u32 %r10, %nctaid.x; mov.u32 %r11, %nctaid.y;
                mad.lo.u32 %r12, %r9, %r11, %r8;
                mad.lo.u32 %r12, %r12, %r10, %r7;
                mad.lo.u32 %r12, %r12, %r6, %r3;
                mad.lo.u32 %r12, %r12, %r5, %r2;
                mad.lo.u32 %r12, %r12, %r4, %r1;
                mov.u32 %r13, %laneid; mov.u32 %r14, %warpid; mov.u32 %r15, %lanemask_lt;
                popc.b32 %r15, %r15;
                sub.u32 %r15, %r15, %r13;
                mad.lo.u32 %r13, %r14, 32, %r13;
                add.u32 %r13, %r13, %r15;
                ld.param.u64 %d1, [out];
                mul.wide.u32 %d2, %r12, 8;
                add.u64 %d1, %d1, %d2;
                st.global.v2.u32 [%d1], {%r12, %r13};
                ret;
            """));
        int threads = 5 * 3 * 4, blocks = 2 * 3 * 2;
        ulong to = bench.Room(8 * threads * blocks);
        Bench.Run(kernel, new Launch(new(2, 3, 2), new(5, 3, 4)), to);
        uint[] words = bench.Read<uint>(to, 2 * threads * blocks);
        for (int i = 0; i < threads * blocks; i++) Assert.Equal(((uint)i, (uint)(i % threads)), (words[2 * i], words[2 * i + 1]));
    }
}
