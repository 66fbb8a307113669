namespace MiniTorch.Models.Bench;

/// <summary>Times of some repetitions, in ms.</summary>
readonly record struct Timing(double MedianMs, double MinMs, double MaxMs, int Repetitions)
{
    const int Fewest = 7, Most = 200;
    const double Enough = 1.5;          // seconds

    /// <summary>
    /// Warms up, then repeats at least seven times, longer for what is short, each time between two marks of the device's queue. On a GPU the second-level cache is overwritten
    /// before each, and nothing is waited for in between, so that the host is ahead. An emulated GPU does it once: by its model every time is the same.
    /// </summary>
    internal static Timing Of(Workload work, CancellationToken stop = default)
    {
        Device device = work.Device;
        CudaDevice? gpu = device as CudaDevice;
        if (gpu?.Emulator is not null) return Of([Ms(Once())]);
        Once();
        int count = (int)Math.Clamp(Enough / Seconds(Once()), Fewest, Most);
        Tensor? cache = gpu is null ? null : Tensor.Lasting([2 * gpu.Properties.CacheBytes / sizeof(float)], device: device);
        (long Begin, long End)[] marks = new (long, long)[count];
        for (int i = 0; i < count; i++)
        {
            stop.ThrowIfCancellationRequested();
            if (cache is not null) device.Clear(cache.Address, cache.Bytes);
            marks[i] = Once();
        }
        cache?.Free();
        return Of(Array.ConvertAll(marks, Ms));

        (long Begin, long End) Once()
        {
            long begin = device.Mark();
            work.Run();
            return (begin, device.Mark());
        }

        double Seconds((long Begin, long End) marks) => device.Seconds(marks.Begin, marks.End);
        double Ms((long Begin, long End) marks) => 1e3 * Seconds(marks);
    }

    /// <summary>Summary of measured times.</summary>
    internal static Timing Of(IReadOnlyList<double> times)
    {
        double[] sorted = [.. times.Order()];
        int half = sorted.Length / 2;
        return new(sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2, sorted[0], sorted[^1], sorted.Length);
    }
}
