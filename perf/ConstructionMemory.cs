using System.Text.Json;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>Memory that drawing a DCLS kernel and differentiating it takes beside the parameters, as a multiple of the kernel.</summary>
static class ConstructionMemory
{
    static readonly (string Version, int Channels, int Size, int Count)[] shapes =
        [("gauss", 768, 23, 26), ("max", 768, 23, 26), ("v0", 768, 17, 34), ("v1", 768, 17, 34), ("gauss", 768, 17, 34), ("gauss", 1024, 17, 40)];

    internal static int Run(string[] options)
    {
        bool json = options is ["--json"];
        if (!json && options.Length > 0)
        {
            Console.Error.WriteLine($"perf memory: unknown option '{options[0]}'; the only one is --json");
            return 2;
        }
        if (!json) Console.WriteLine($"{"construction",-28}{"kernel MiB",12}{"peak MiB",12}{"threads MiB",12}{"times kernel",14}");
        foreach ((string version, int channels, int size, int count) in shapes)
        {
            (long kernel, long peak, long threads) = Measure(Interpolation.Parse(version), channels, size, count);
            string name = $"{version} C{channels} k{size} n{count}";
            double times = (double)(peak + threads) / kernel;
            if (json) Console.WriteLine(JsonSerializer.Serialize(new { name, kernel_bytes = kernel, peak_bytes = peak, thread_bytes = threads, times_kernel = Math.Round(times, 3) }));
            else Console.WriteLine(FormattableString.Invariant($"{name,-28}{kernel / 1048576.0,12:0.00}{peak / 1048576.0,12:0.00}{threads / 1048576.0,12:0.00}{times,14:0.00}"));
        }
        return 0;
    }

    /// <summary>
    /// Bytes of the kernel; the most that is alive at once beyond weight, P and SIG: the kernel, its gradient and the three gradients sought; what the threads hold.
    /// </summary>
    static (long Kernel, long Peak, long Threads) Measure(Interpolation version, int channels, int size, int count)
    {
        using CpuDevice device = new();
        Tensor weight = Random([count, 1, channels], 1, device), position = Random([2, count, 1, channels], size / 4.0, device);
        Tensor? sigma = version.HasSigma ? Random([2, count, 1, channels], 0.3, device) : null;
        device.Pool.ResetPeak();
        long before = device.Pool.LiveBytes, threadsBefore = Workers.LocalBytes, kernelBytes;
        using (Step step = Step.Begin())
        {
            Tensor kernel = version.Draw(weight, position, sigma, [size, size]);
            kernelBytes = kernel.Count * sizeof(float);
            kernel.Backward(Tensor.Zeros(kernel.Shape, kernel.DType, device));
        }
        GC.KeepAlive((weight, position, sigma));
        return (kernelBytes, device.Pool.PeakBytes - before, Workers.LocalBytes - threadsBefore);
    }

    static Tensor Random(Shape shape, double scale, CpuDevice device)
    {
        RandomStream random = new(1, (uint)shape.Rank);
        Tensor x = Tensor.Lasting(shape, device: device, trainable: true);
        float[] values = new float[x.Count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)(scale * random.NextNormal());
        x.Write<float>(values);
        return x;
    }
}
