using System.Diagnostics;
using System.Text.Json;
using MiniTorch.Models.Bench;

namespace MiniTorch.Perf;

/// <summary>What this machine can do at most, measured, and how much of it a matrix product reaches.</summary>
static class Roofline
{
    const int Size = 1024;
    const int Rounds = 40;

    internal static int Run(string[] options)
    {
        bool json = options is ["--json"];
        if (!json && options.Length > 0)
        {
            Console.Error.WriteLine($"perf roofline: unknown option '{options[0]}'; the only one is --json");
            return 2;
        }
        using CpuDevice one = new(threads: 1), all = new();
        using CpuCeiling ceilingOne = new(one), ceiling = new(all);
        using Workload product = new GemmWorkload(all, new($"{Size}x{Size}x{Size}"), GemmForm.Forward);
        double best = double.MaxValue;
        for (int round = 0; round < Rounds; round++)        // the measurements alternate, so that a slow moment of the machine strikes all of them
        {
            ceilingOne.Round();
            ceiling.Round();
            long start = Stopwatch.GetTimestamp();
            product.Run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        Report(json, all, ceilingOne.Gflops, ceiling, 2e-9 * Size * Size * Size / best);
        return 0;
    }

    static void Report(bool json, CpuDevice device, double peakOne, CpuCeiling all, double gemm)
    {
        int threads = device.Workers.Threads;
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                cpu = device.Name, threads, simd_bits = device.Simd.Bits, peak_gflops_1_thread = Math.Round(peakOne, 1), peak_gflops = Math.Round(all.Gflops, 1),
                triad_gb_per_s = Math.Round(all.GigabytesPerSecond, 1), gemm_1024_gflops = Math.Round(gemm, 1), gemm_1024_to_peak = Math.Round(gemm / all.Gflops, 3),
            }));
            return;
        }
        Row("cpu", device.Name);
        Row("threads", $"{threads}");
        Row("register width", $"{device.Simd}");
        Row("peak, 1 thread", FormattableString.Invariant($"{peakOne,8:0.0} GFLOP/s float32, fused multiply-add"));
        Row($"peak, {threads} threads", FormattableString.Invariant($"{all.Gflops,8:0.0} GFLOP/s float32, fused multiply-add"));
        Row("memory, triad", FormattableString.Invariant($"{all.GigabytesPerSecond,8:0.0} GB/s"));
        Row("gemm 1024^3", FormattableString.Invariant($"{gemm,8:0.0} GFLOP/s float32"));
        Row("gemm / peak", FormattableString.Invariant($"{100 * gemm / all.Gflops,8:0.0} %"));
    }

    static void Row(string name, string value) => Console.WriteLine($"{name,-18}{value}");
}
