using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace MiniTorch.Perf;

/// <summary>What this machine can do at most, measured, and how much of it a matrix product reaches.</summary>
static unsafe class Roofline
{
    const int Size = 1024;
    const int Rounds = 40;
    const int Repeats = 1 << 15;
    const int SinkSize = 16;

    readonly record struct PeakArgs(Pointer Sink);
    readonly record struct TriadArgs(Pointer A, Pointer B, Pointer C, int Count);

    static readonly Kernel<PeakArgs> peak = Kernel<PeakArgs>.On<PeakBody>("Roofline.peak");
    static readonly Kernel<TriadArgs> triad = Kernel<TriadArgs>.On<TriadBody>("Roofline.triad");

    internal static int Run(string[] options)
    {
        bool json = options is ["--json"];
        if (!json && options.Length > 0)
        {
            Console.Error.WriteLine($"perf roofline: unknown option '{options[0]}'; the only one is --json");
            return 2;
        }
        using CpuDevice one = new(threads: 1), all = new();
        int threads = all.Workers.Threads;
        Tensor sink = Tensor.Lasting([SinkSize], device: all), sinkOne = Tensor.Lasting([SinkSize], device: one);
        int count = 1 << 24;
        Tensor a = Filled(count, all), b = Filled(count, all), c = Filled(count, all);
        Tensor x = Filled(Size * Size, all), y = Filled(Size * Size, all), z = Filled(Size * Size, all);
        GemmArgs product = new(x, y, z, Size, Size, Size);
        PeakArgs peakOne = new(sinkOne), peakAll = new(sink);
        TriadArgs sum = new(a, b, c, count);

        // The measurements alternate, so that a slow moment of the machine strikes all of them.
        double bestOne = double.MaxValue, bestAll = double.MaxValue, bestTriad = double.MaxValue, bestGemm = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            bestOne = Math.Min(bestOne, Seconds(() => peak.Launch(one, DType.Float32, peakOne)));
            bestAll = Math.Min(bestAll, Seconds(() => peak.Launch(all, DType.Float32, peakAll)));
            bestTriad = Math.Min(bestTriad, Seconds(() => triad.Launch(all, DType.Float32, sum)));
            bestGemm = Math.Min(bestGemm, Seconds(() => Gemm.Product.Launch(all, DType.Float32, product)));
        }
        foreach (Tensor t in new[] { sink, sinkOne, a, b, c, x, y, z }) GC.KeepAlive(t);

        double work = 1e-9 * Repeats * PeakBody.Chains * PeakBody.Inner * 2 * (one.Simd.Bits / 32);
        double gigaOne = work * PeakBody.Shares(1) / bestOne, gigaAll = work * PeakBody.Shares(threads) / bestAll;
        double bandwidth = 1e-9 * 3 * sizeof(float) * count / bestTriad;
        double gemm = 2e-9 * Size * Size * Size / bestGemm;
        Report(json, threads, all.Simd, gigaOne, gigaAll, bandwidth, gemm);
        return 0;
    }

    static void Report(bool json, int threads, Simd simd, double peakOne, double peakAll, double bandwidth, double gemm)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                cpu = CpuModel(), threads, simd_bits = simd.Bits, peak_gflops_1_thread = Math.Round(peakOne, 1), peak_gflops = Math.Round(peakAll, 1),
                triad_gb_per_s = Math.Round(bandwidth, 1), gemm_1024_gflops = Math.Round(gemm, 1), gemm_1024_to_peak = Math.Round(gemm / peakAll, 3),
            }));
            return;
        }
        Row("cpu", CpuModel());
        Row("threads", $"{threads}");
        Row("register width", $"{simd}");
        Row("peak, 1 thread", FormattableString.Invariant($"{peakOne,8:0.0} GFLOP/s float32, fused multiply-add"));
        Row($"peak, {threads} threads", FormattableString.Invariant($"{peakAll,8:0.0} GFLOP/s float32, fused multiply-add"));
        Row("memory, triad", FormattableString.Invariant($"{bandwidth,8:0.0} GB/s"));
        Row("gemm 1024^3", FormattableString.Invariant($"{gemm,8:0.0} GFLOP/s float32"));
        Row("gemm / peak", FormattableString.Invariant($"{100 * gemm / peakAll,8:0.0} %"));
    }

    static void Row(string name, string value) => Console.WriteLine($"{name,-18}{value}");

    static string CpuModel()
    {
        const string path = "/proc/cpuinfo";
        if (File.Exists(path))
            foreach (string line in File.ReadLines(path))
                if (line.StartsWith("model name", StringComparison.Ordinal)) return line[(line.IndexOf(':') + 1)..].Trim();
        return "unknown";
    }

    static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    static Tensor Filled(int count, CpuDevice device)
    {
        Tensor x = Tensor.Lasting([count], device: device);
        float[] values = new float[count];
        Random random = new(1);
        for (int i = 0; i < count; i++) values[i] = random.NextSingle() - 0.5f;
        x.Write<float>(values);
        return x;
    }

    struct PeakBody : ICpuKernel<PeakArgs>
    {
        internal const int Chains = 10;         // independent sums: two units of latency four to five
        internal const int Inner = 64;
        const int ItemsPerThread = 4;

        internal static int Shares(int threads) => threads * ItemsPerThread;

        public static void Run<T, V>(CpuDevice device, in PeakArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Shares(device.Workers.Threads), args, &Item<T, V>);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static void Item<T, V>(in PeakArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            V f = V.Of(0.9999), s0 = V.Of(1), s1 = V.Of(2), s2 = V.Of(3), s3 = V.Of(4), s4 = V.Of(5), s5 = V.Of(6), s6 = V.Of(7), s7 = V.Of(8), s8 = V.Of(9), s9 = V.Of(10);
            for (int i = 0; i < Repeats * Inner; i++)
            {
                s0 = V.MultiplyAdd(s0, f, f);
                s1 = V.MultiplyAdd(s1, f, f);
                s2 = V.MultiplyAdd(s2, f, f);
                s3 = V.MultiplyAdd(s3, f, f);
                s4 = V.MultiplyAdd(s4, f, f);
                s5 = V.MultiplyAdd(s5, f, f);
                s6 = V.MultiplyAdd(s6, f, f);
                s7 = V.MultiplyAdd(s7, f, f);
                s8 = V.MultiplyAdd(s8, f, f);
                s9 = V.MultiplyAdd(s9, f, f);
            }
            args.Sink.As<T>()[item % SinkSize] = (s0 + s1 + s2 + s3 + s4 + (s5 + s6 + s7 + s8 + s9)).Sum();
        }
    }

    struct TriadBody : ICpuKernel<TriadArgs>
    {
        public static void Run<T, V>(CpuDevice device, in TriadArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(Workers.Blocks(args.Count, 1 << 18), args, &Item<T, V>);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        static void Item<T, V>(in TriadArgs args, int item) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (int i, int end) = Workers.Range(item, args.Count, 1 << 18);
            T* a = args.A.As<T>(), b = args.B.As<T>(), c = args.C.As<T>();
            V f = V.Of(0.5);
            for (; i < end; i += V.Count) V.MultiplyAdd(f, V.Load(b + i), V.Load(a + i)).Store(c + i);
        }
    }
}
