using System.Diagnostics;

namespace MiniTorch.Models.Bench;

/// <summary>Times of some repetitions, in ms.</summary>
readonly record struct Timing(double MedianMs, double MinMs, int Repetitions)
{
    const int Fewest = 7, Most = 200;
    static readonly TimeSpan enough = TimeSpan.FromSeconds(1.5);

    /// <summary>Warms up, then repeats at least seven times, longer for what is short; what a GPU has in its cache is overwritten before. An emulated one takes the same time always.</summary>
    internal static Timing Of(Workload work, CancellationToken stop = default)
    {
        if (work.Device.Counted is not null) return Of([Once(work, null)]);
        Tensor? evicting = work.Device is CudaDevice gpu ? Tensor.Lasting([gpu.Properties.CacheBytes / 2], device: gpu) : null;         // floats: twice the cache
        Once(work, evicting);
        Once(work, evicting);
        List<double> times = [];
        Stopwatch all = Stopwatch.StartNew();
        while (times.Count < Fewest || times.Count < Most && all.Elapsed < enough)
        {
            stop.ThrowIfCancellationRequested();
            times.Add(Once(work, evicting));
        }
        evicting?.Free();
        return Of(times);
    }

    /// <summary>Summary of measured times.</summary>
    internal static Timing Of(IReadOnlyList<double> times)
    {
        double[] sorted = [.. times.Order()];
        int half = sorted.Length / 2;
        return new(sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2, sorted[0], sorted.Length);
    }

    static double Once(Workload work, Tensor? evicting)
    {
        evicting?.Fill(0);
        long start = work.Device.Mark();
        work.Run();
        return 1e3 * work.Device.Seconds(start, work.Device.Mark());
    }
}
