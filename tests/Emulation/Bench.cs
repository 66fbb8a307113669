using System.Runtime.InteropServices;
using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>An emulated GPU with what tests need: PTX around a body, buffers, launches.</summary>
sealed unsafe class Bench : IDisposable
{
    internal EmulatedGpu Gpu { get; } = new();

    public void Dispose() => Gpu.Dispose();

    /// <summary>A module with one kernel 'k'. Registers %p, %h, %r, %f, %d, %g of predicates, 16, 32, 32 float, 64, 64 float bits are declared.</summary>
    internal static string Kernel(string body, string parameters = ".param .u64 out", string before = "", string limits = "") => $$"""
        .version 7.8
        .target sm_80
        .address_size 64
        {{before}}
        .visible .entry k({{parameters}})
        {{limits}}
        {
            .reg .pred %p<32>;
            .reg .b16 %h<32>;
            .reg .b32 %r<64>;
            .reg .f32 %f<64>;
            .reg .b64 %d<64>;
            .reg .f64 %g<32>;
        {{body}}
        }
        """;

    internal PlacedKernel Load(string ptx, string name = "k") => Gpu.Load(PtxModule.Parse(ptx)).Kernel(name);

    internal ulong Buffer<T>(params ReadOnlySpan<T> values) where T : unmanaged
    {
        ulong address = Gpu.Memory.Allocate(values.Length * sizeof(T));
        Gpu.Memory.Write(address, MemoryMarshal.AsBytes(values));
        return address;
    }

    /// <summary>Memory that nobody has written.</summary>
    internal ulong Room(int bytes) => Gpu.Memory.Allocate(bytes);

    internal T[] Read<T>(ulong address, int count) where T : unmanaged
    {
        T[] values = new T[count];
        Gpu.Memory.Read(address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Launches with parameters of 8 bytes for ulong, 4 for int, uint and float.</summary>
    internal static LaunchCounters Run(PlacedKernel kernel, Launch launch, params object[] parameters)
    {
        ulong* values = stackalloc ulong[parameters.Length];
        void** pointers = stackalloc void*[parameters.Length];
        int[] sizes = new int[parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            (values[i], sizes[i]) = parameters[i] switch
            {
                ulong u => (u, 8),
                int n => ((ulong)(uint)n, 4),
                uint n => (n, 4),
                float f => (BitConverter.SingleToUInt32Bits(f), 4),
                object other => throw new ArgumentException(other.ToString()),
            };
            pointers[i] = values + i;
        }
        return kernel.Launch(launch, pointers, sizes);
    }

    /// <summary>Runs a body on one block and returns a word of 'out' for each thread.</summary>
    internal static uint[] Words(string body, int threads = 32, int words = 0, string before = "")
    {
        using Bench bench = new();
        ulong to = bench.Buffer<uint>(new uint[Math.Max(words, threads)]);
        Run(bench.Load(Kernel(body, before: before)), new Launch(new(1), new(threads)), to);
        return bench.Read<uint>(to, Math.Max(words, threads));
    }

    /// <summary>The fault that a body of one block meets.</summary>
    internal static EmulationException Fault(string body, int threads = 32, string before = "", int room = 4096)
    {
        using Bench bench = new();
        PlacedKernel kernel = bench.Load(Kernel(body, before: before));
        ulong to = bench.Room(room);
        return Assert.Throws<EmulationException>(() => Run(kernel, new Launch(new(1), new(threads)), to));
    }

    /// <summary>Puts the address of this thread's word of 'out' into %d0 and its number into %r0.</summary>
    internal const string MyWord = """
            mov.u32 %r0, %tid.x;
            ld.param.u64 %d1, [out];
            mul.wide.u32 %d2, %r0, 4;
            add.s64 %d0, %d1, %d2;
        """;
}
