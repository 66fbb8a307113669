using System.Diagnostics;

namespace MiniTorch.Models.Bench;

/// <summary>Times of some repetitions, in ms.</summary>
readonly record struct Timing(double MedianMs, double MinMs, int Repetitions)
{
    const int Fewest = 7, Most = 200;
    static readonly TimeSpan enough = TimeSpan.FromSeconds(1.5);

    /// <summary>Warms up, then repeats at least seven times, longer for what is short.</summary>
    internal static Timing Of(Workload work, CancellationToken stop = default)
    {
        Once(work);
        Once(work);
        List<double> times = [];
        Stopwatch all = Stopwatch.StartNew();
        while (times.Count < Fewest || times.Count < Most && all.Elapsed < enough)
        {
            stop.ThrowIfCancellationRequested();
            times.Add(Once(work));
        }
        return Of(times);
    }

    /// <summary>Summary of measured times.</summary>
    internal static Timing Of(IReadOnlyList<double> times)
    {
        double[] sorted = [.. times.Order()];
        int half = sorted.Length / 2;
        return new(sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2, sorted[0], sorted.Length);
    }

    static double Once(Workload work)
    {
        long start = Stopwatch.GetTimestamp();
        work.Run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
