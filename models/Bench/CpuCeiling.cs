using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MiniTorch.Models.Bench;

/// <summary>What a processor can do at most, measured: float32 multiply-adds by all threads of a device, and memory traffic. Each round can only raise the result.</summary>
sealed unsafe class CpuCeiling : IDisposable
{
    const int Repeats = 1 << 15;
    const int SinkSize = 16;
    const int Elements = 1 << 24;           // three arrays of 64 MiB: beyond any cache

    readonly record struct PeakArgs(Pointer Sink);
    readonly record struct TriadArgs(Pointer A, Pointer B, Pointer C, int Count);

    static readonly Kernel<PeakArgs> peak = Kernel<PeakArgs>.On<PeakBody>("Ceiling.peak");
    static readonly Kernel<TriadArgs> triad = Kernel<TriadArgs>.On<TriadBody>("Ceiling.triad");

    readonly CpuDevice device;
    readonly Tensor sink, a, b, c;
    double bestPeak = double.MaxValue, bestTriad = double.MaxValue;

    internal CpuCeiling(CpuDevice device)
    {
        this.device = device;
        sink = Tensor.Lasting([SinkSize], device: device);
        (a, b, c) = (Filled(), Filled(), Filled());
    }

    /// <summary>Most float32 operations a second so far, in GFLOP/s; a multiply-add is two.</summary>
    internal double Gflops => 1e-9 * Repeats * PeakBody.Chains * PeakBody.Inner * 2 * (device.Simd.Bits / 32) * PeakBody.Shares(device.Workers.Threads) / bestPeak;

    /// <summary>Most bytes a second so far, in GB/s: two arrays read, one written.</summary>
    internal double GigabytesPerSecond => 1e-9 * 3 * sizeof(float) * Elements / bestTriad;

    /// <summary>What was reached so far.</summary>
    internal Ceiling Reached => new($"{device.Name}, {device.Workers.Threads} threads", Gflops, GigabytesPerSecond);

    /// <summary>The ceiling after a few rounds.</summary>
    internal static Ceiling Of(CpuDevice device)
    {
        const int Rounds = 12;
        using CpuCeiling ceiling = new(device);
        for (int i = 0; i < Rounds; i++) ceiling.Round();
        return ceiling.Reached;
    }

    /// <summary>Measures once.</summary>
    internal void Round()
    {
        long start = Stopwatch.GetTimestamp();
        peak.Launch(device, DType.Float32, new(sink));
        bestPeak = Math.Min(bestPeak, Stopwatch.GetElapsedTime(start).TotalSeconds);
        start = Stopwatch.GetTimestamp();
        triad.Launch(device, DType.Float32, new(a, b, c, Elements));
        bestTriad = Math.Min(bestTriad, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>Frees the arrays.</summary>
    public void Dispose()
    {
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[sink, a, b, c]) t.Free();
    }

    Tensor Filled()
    {
        Tensor x = Tensor.Lasting([Elements], device: device);
        float[] values = new float[Elements];
        Random random = new(1);
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
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
