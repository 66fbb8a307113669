using System.Numerics;
using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Tests.Emulation;

/// <summary>Kernels as clang compiles them: Clang/samples.cu, whose PTX lies beside it.</summary>
public sealed class ClangTests : IDisposable
{
    readonly Bench bench = new();
    readonly PtxModule module = PtxModule.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "Emulation", "Clang", "samples.ptx")));
    readonly Random random = new(11);

    public void Dispose() => bench.Dispose();

    PlacedKernel Kernel(string name) => bench.Gpu.Load(module).Kernel(name);

    float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];

    [Fact]
    public void Module_is_read()
    {
        Assert.Equal(("7.8", "sm_80"), (module.Version, module.Target));
        Assert.Equal(["integers", "row_norms", "saxpy", "transpose"], module.Kernels.Keys.Order());
        Assert.Equal((256, 24), (module.Kernel("saxpy").MaxThreads, module.Kernel("saxpy").ParameterBytes));
        Assert.Equal(32, Kernel("row_norms").StaticSharedBytes);
        Assert.Equal(32 * 33 * 4, Kernel("transpose").StaticSharedBytes);
    }

    /// <summary>1000 elements in blocks of 256: the tail of the last block does nothing.</summary>
    [Fact]
    public void Saxpy()
    {
        float[] x = Numbers(1000), y = Numbers(1000);
        ulong to = bench.Buffer<float>(y);
        LaunchCounters counters = Bench.Run(Kernel("saxpy"), new(new(4), new(256)), bench.Buffer<float>(x), to, 2.5f, 1000);
        ExactFloat single = ExactFloat.Single;
        uint Bits(float f) => BitConverter.SingleToUInt32Bits(f);
        Assert.Equal([.. x.Zip(y, (a, b) => (uint)single.MultiplyAdd(Bits(a), Bits(2.5f), Bits(b)))], bench.Read<uint>(to, 1000));
        Assert.Equal((32, 1.0), (counters.FmaInstructions, counters.SectorRatio));
        Assert.Equal((8000, 4000), (counters.FootprintReadBytes, counters.FootprintWrittenBytes));
    }

    [Fact]
    public void Row_norms()
    {
        const int Rows = 5, Columns = 777;
        float[] x = Numbers(Rows * Columns);
        ulong to = bench.Room(4 * Rows);
        LaunchCounters counters = Bench.Run(Kernel("row_norms"), new(new(Rows), new(256)), bench.Buffer<float>(x), to, Columns);
        float[] norms = bench.Read<float>(to, Rows);
        for (int r = 0; r < Rows; r++) Assert.Equal(Math.Sqrt(x.Skip(r * Columns).Take(Columns).Sum(v => (double)v * v)), norms[r], 1e-5);
        Assert.Equal(1.0, counters.WavefrontRatio);
        Assert.Equal(8 * Rows, counters.Barriers);
    }

    [Fact]
    public void Transpose()
    {
        const int Rows = 70, Columns = 45;
        float[] x = Numbers(Rows * Columns);
        ulong to = bench.Room(4 * Rows * Columns);
        LaunchCounters counters = Bench.Run(Kernel("transpose"), new(new(2, 3), new(32, 8)), bench.Buffer<float>(x), to, Rows, Columns);
        Assert.Equal([.. from c in Enumerable.Range(0, Columns) from r in Enumerable.Range(0, Rows) select x[r * Columns + c]], bench.Read<float>(to, Rows * Columns));
        Assert.Equal(1.0, counters.WavefrontRatio);
    }

    [Fact]
    public void Integers()
    {
        int[] x = [0, 1, -1, 7, -8, int.MaxValue, int.MinValue, .. Enumerable.Range(0, 500).Select(_ => random.Next(int.MinValue, int.MaxValue))];
        ulong to = bench.Room(8 * x.Length);
        Bench.Run(Kernel("integers"), new(new(4), new(128)), bench.Buffer<int>(x), to, x.Length);
        Assert.Equal([.. x.Select(Expected)], bench.Read<long>(to, x.Length));
    }

    static long Expected(int v)
    {
        BigInteger r = v / 7 + v % 13 * 3;
        r += (BigInteger)(short)v * v + ((v >> 3) & 255);
        int ones = Enumerable.Range(0, 32).Count(i => (v >> i & 1) != 0), zeros = Enumerable.Range(0, 32).TakeWhile(i => ((v | 1) >> 31 - i & 1) == 0).Count();
        r ^= (BigInteger)ones << 40 | zeros;
        r = (v & 7) switch { 0 => r + 11, 1 => r - 5, 3 => r * 3, 6 => BigInteger.Divide(r, v), _ => -r - 1 };
        return (long)r;
    }
}
