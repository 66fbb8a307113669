using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>What a launch, a module and a copy may ask for.</summary>
public sealed unsafe class LaunchTests
{
    const string Store = Bench.MyWord + "st.global.u32 [%d0], %r0;\nret;";

    static string Refused(string ptx, Launch launch, params object[] parameters)
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(ptx);
        return Assert.Throws<EmulationException>(() => Bench.Run(kernel, launch, parameters.Length > 0 ? parameters : [bench.Room(4096)])).Message;
    }

    [Fact]
    public void Parameters_are_counted_and_measured()
    {
        string ptx = Bench.Kernel(Store, ".param .u64 out, .param .u32 n");
        Assert.Contains("1 parameters are given, but the kernel has 2", Refused(ptx, new(new(1), new(32)), 1UL));
        Assert.Contains("parameter 1 (n) has 8 bytes, but the kernel declares 4", Refused(ptx, new(new(1), new(32)), 1UL, 1UL));
    }

    [Fact]
    public void Limits_of_blocks_and_grids()
    {
        Assert.Contains("a block has 1 to 1024 threads", Refused(Bench.Kernel(Store), new(new(1), new(1025))));
        Assert.Contains("a block has 1 to 1024 threads", Refused(Bench.Kernel(Store), new(new(1), new(1, 1, 65))));
        Assert.Contains("128 threads, but the kernel is compiled for at most 64 (.maxntid)", Refused(Bench.Kernel(Store, limits: ".maxntid 64, 1, 1"), new(new(1), new(128))));
        Assert.Contains("requires blocks of (32, 2, 1)", Refused(Bench.Kernel(Store, limits: ".reqntid 32, 2"), new(new(1), new(64))));
        Assert.Contains("65535 in y and z", Refused(Bench.Kernel(Store), new(new(1, 65536), new(32))));
        Assert.Contains("65535 in y and z", Refused(Bench.Kernel(Store), new(new(0), new(32))));
    }

    [Fact]
    public void Limits_of_shared_memory()
    {
        string ptx = Bench.Kernel("st.shared.u32 [more+60000], 1;\nret;", before: ".extern .shared .align 16 .b8 more[];");
        Assert.Contains("60416 bytes of dynamic shared memory are asked for, but 49152 are allowed", Refused(ptx, new(new(1), new(32), 60416)));
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(ptx);
        kernel.MaxDynamicShared = 60416;
        Bench.Run(kernel, new(new(1), new(32), 60416), bench.Room(4));
        Assert.Contains("out of bounds: the block has 60000 bytes", Assert.Throws<EmulationException>(() => Bench.Run(kernel, new(new(1), new(32), 60000), bench.Room(4))).Message);
        Assert.Contains("more than the 232448 of H100", Assert.Throws<EmulationException>(() => kernel.MaxDynamicShared = 232449).Message);
    }

    [Theory]
    [InlineData("frobnicate.u32 %r1, %r2;", "unknown instruction 'frobnicate.u32'")]
    [InlineData("add.rz.f32 %f1, %f2, %f3;", "unknown instruction 'add.rz.f32'")]
    [InlineData("ld.global.q.u32 %r1, [%d1];", "unknown instruction")]
    [InlineData("ld.u32 %r1, [%d1];", "generic addresses are not supported")]
    [InlineData("st.local.u32 [%d1], %r1;", "local memory is not supported")]
    [InlineData(".local .align 4 .b8 depot[16];", "local memory is not supported")]
    [InlineData(".frob 5;", "unknown directive '.frob'")]
    [InlineData("add.u32 %r1, %r2;", "2 operands, but 3 are wanted")]
    [InlineData("add.u32 %r1, %r2, %d3;", "operand 3 must be a register or constant of 32 bits")]
    [InlineData("add.u32 %r1, %r2, %x3;", "'%x3' is neither a declared register nor a known special register")]
    [InlineData("add.u32 %r1, %r2, %r99;", "'%r99' is neither")]
    [InlineData("ld.global.u64 %r1, [%d1];", "operand 1 must be a register")]
    [InlineData("ld.global.v2.u32 {%r1, %r2, %r3}, [%d1];", "must be a vector of 2")]
    [InlineData("bra $nowhere;", "there is no label '$nowhere'")]
    [InlineData("mov.u64 %d1, nothing;", "'nothing' is not declared")]
    [InlineData("cvt.u32.f32 %r1, %f1;", "unknown instruction 'cvt.u32.f32'")]
    [InlineData("cvt.rn.f64.f32 %g1, %f1;", "unknown instruction 'cvt.rn.f64.f32'")]
    [InlineData("call f;", "unknown instruction 'call'")]
    public void What_is_not_understood_is_said(string line, string says)
    {
        EmulationException e = Assert.Throws<EmulationException>(() => _ = PtxModule.Parse(Bench.Kernel($"mov.u32 %r1, 0;\n{line}\nret;")).Kernel("k").Code);
        Assert.Contains(says, e.Message);
        Assert.Equal("k", e.Kernel);
        Assert.Contains(line.TrimEnd(';'), e.Message);
        Assert.Equal(line, Bench.Kernel($"mov.u32 %r1, 0;\n{line}\nret;").Split('\n')[e.Line - 1]);
    }

    [Theory]
    [InlineData(".version 7.8\n.target sm_80\n.func f() { ret; }", "functions are not supported")]
    [InlineData(".version 7.8\n.target sm_80\n.alias a, b;", "unknown directive '.alias'")]
    [InlineData("hello", "unknown directive 'hello'")]
    [InlineData("", "not a PTX module")]
    [InlineData(".version 7.8\n.target sm_80\n.entry k() { ret;", "the text ends")]
    public void Modules_that_are_none(string text, string says) => Assert.Contains(says, Assert.Throws<EmulationException>(() => PtxModule.Parse(text)).Message);

    /// <summary>Values of structs come as one parameter; they may be read at an address in a register.</summary>
    [Fact]
    public void Structs_by_value()
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Bench.Kernel("""
                mov.u32 %r0, %tid.x;
                ld.param.u32 %r1, [n];
                ld.param.u64 %d1, [s];
                mov.u64 %d2, s;
                mul.wide.u32 %d3, %r0, 4;
                add.u64 %d4, %d2, %d3;
                ld.param.u32 %r2, [%d4+8];
                ld.param.s8 %r3, [s+24];
                ld.param.s32 %d5, [s+20];
                cvt.u32.u64 %r4, %d5;
                shr.u64 %d5, %d5, 32;
                cvt.u32.u64 %r5, %d5;
                add.u32 %r2, %r2, %r1;
                add.u32 %r2, %r2, %r3;
                add.u32 %r2, %r2, %r4;
                add.u32 %r2, %r2, %r5;
                add.u64 %d3, %d3, %d1;
                st.global.u32 [%d3], %r2;
                ret;
            """, ".param .u32 n, .param .align 8 .b8 s[32]"));
        ulong to = bench.Room(12);
        byte[] value = new byte[32];
        BitConverter.TryWriteBytes(value, to);
        for (int i = 0; i < 3; i++) BitConverter.TryWriteBytes(value.AsSpan(8 + 4 * i), 100 * i);
        BitConverter.TryWriteBytes(value.AsSpan(20), -3);
        value[24] = 0xF0;
        int n = 1000;
        fixed (byte* s = value)
        {
            void** parameters = stackalloc void*[] { &n, s };
            kernel.Launch(new(new(1), new(3)), parameters, [4, 32]);
        }
        Assert.Equal([.. Enumerable.Range(0, 3).Select(i => (uint)(1000 + 100 * i - 16 - 3 - 1))], bench.Read<uint>(to, 3));
        Assert.Equal([("n", 0, 4), ("s", 8, 32)], kernel.Kernel.Parameters.Select(p => (p.Name, p.Offset, p.Bytes)));
    }

    /// <summary>Variables have their first values, each loaded module its own.</summary>
    [Fact]
    public void Variables_of_modules()
    {
        using Bench bench = new();
        string ptx = Bench.Kernel(Bench.MyWord + """
                mov.u64 %d3, table;
                mul.wide.u32 %d4, %r0, 2;
                add.u64 %d3, %d3, %d4;
                ld.const.u16 %h1, [%d3];
                cvt.u32.u16 %r1, %h1;
                ld.global.u32 %r2, [count];
                add.u32 %r1, %r1, %r2;
                st.global.u32 [%d0], %r1;
                setp.eq.u32 %p1, %r0, 0;
                @%p1 st.global.u32 [count], 50;
                ld.global.f32 %f1, [weights+4];
                ret;
            """, before: ".const .align 4 .u16 table[4] = {1, 2, 0x10, 0xFFFF};\n.visible .global .align 4 .u32 count = 7;\n.global .align 4 .f32 weights[3] = {0f3F800000, 2.5};\n.global .align 8 .b8 zero[16];");
        PlacedModule first = bench.Gpu.Load(PtxModule.Parse(ptx)), second = bench.Gpu.Load(PtxModule.Parse(ptx));
        Assert.Same(first.Module, second.Module);
        ulong to = bench.Room(16);
        foreach ((PlacedModule module, uint more) in ((PlacedModule, uint)[])[(first, 7), (first, 50), (second, 7)])
        {
            Bench.Run(module.Kernel("k"), new(new(1), new(4)), to);
            Assert.Equal([1 + more, 2 + more, 16 + more, 65535 + more], bench.Read<uint>(to, 4));
        }
        Assert.Equal([1f, 2.5f, 0], bench.Read<float>(first.AddressOf("weights"), 3));
        Assert.Equal(new ulong[2], bench.Read<ulong>(first.AddressOf("zero"), 2));
    }

    [Fact]
    public void Copies_are_checked()
    {
        using Bench bench = new();
        DeviceMemory memory = bench.Gpu.Memory;
        ulong a = bench.Buffer<uint>(1, 2, 3, 4), b = bench.Room(16);
        Assert.Contains("which is 0 bytes behind the end", Assert.Throws<EmulationException>(() => memory.Write(a + 16, [1])).Message);
        Assert.Contains("byte 0 of 4 has not been written", Assert.Throws<EmulationException>(() => bench.Read<uint>(b, 1)).Message);
        memory.Copy(b, a + 8, 8);
        Assert.Equal([3u, 4], bench.Read<uint>(b, 2));
        Assert.Contains("byte 8 of 16 has not been written", Assert.Throws<EmulationException>(() => bench.Read<uint>(b, 4)).Message);
        memory.Fill(b + 8, [7, 0, 0, 0], 2);
        Assert.Equal([3u, 4, 7, 7], bench.Read<uint>(b, 4));
        memory.Forget(b, 4);
        Assert.Equal(4u, bench.Read<uint>(b + 4, 1)[0]);
        Assert.Throws<EmulationException>(() => bench.Read<uint>(b, 1));
        Assert.Equal(32, memory.LiveBytes);
        memory.Free(a);
        Assert.Equal(16, memory.LiveBytes);
        Assert.Contains("freed", Assert.Throws<EmulationException>(() => memory.Copy(b, a, 4)).Message);
    }

    /// <summary>Blocks on several threads give the same; integer atomics too.</summary>
    [Fact]
    public void Threads_of_the_process_change_nothing()
    {
        string ptx = Bench.Kernel("""
                mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; mad.lo.u32 %r2, %r1, 64, %r0;
                ld.param.u64 %d1, [out]; mul.wide.u32 %d2, %r2, 4; add.u64 %d2, %d1, %d2;
                mul.lo.u32 %r3, %r2, %r2; st.global.u32 [%d2+4], %r3; red.global.add.u32 [%d1], %r3; ret;
            """);
        uint[] Run(int threads)
        {
            using Bench bench = new();
            ulong to = bench.Buffer<uint>(new uint[64 * 200 + 1]);
            LaunchCounters counters = Bench.Run(bench.Load(ptx), new(new(200), new(64)) { Threads = threads }, to);
            Assert.Equal(400, counters.Atomics);
            return bench.Read<uint>(to, 64 * 200 + 1);
        }
        Assert.Equal(Run(1), Run(4));
    }
}
