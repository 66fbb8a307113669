using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Models.Profiling;

namespace MiniTorch.Tests.Profiling;

/// <summary>What a step costs where nothing is computed, and steps that are timed as a training does them.</summary>
public sealed class ShapeProfileTests
{
    /// <summary>The launches of a step that computes nothing say what those of one that does say.</summary>
    [Theory, InlineData("convnext_dcls_speck"), InlineData("snn_delays_small")]
    public void A_step_without_computing_costs_what_it_costs(string model)
    {
        using ShapeDevice shapes = new();
        using CpuDevice cpu = new(1);
        Assert.Equal(Costs(cpu), Costs(shapes));

        (string, string, double, double)[] Costs(Device device)
        {
            NamedModel named = NamedModels.Of(model);
            using NetworkStep step = new(device, named.Network, [2, .. named.Sample], named.Classes, training: true, seed: 0, new() { EmaDecay = 0.9 });
            step.Run();
            return [.. Profile.Of(device, step.Run).Kernels.Select(static k => (k.Layer, k.Kernel, k.Cost?.Flops ?? 0, k.Cost?.Bytes ?? 0))];
        }
    }

    /// <summary>In bf16 an element has half the bytes, and the products are as many.</summary>
    [Fact]
    public void In_bf16_products_are_as_many_and_bytes_fewer()
    {
        (double flops, double bytes) = Sum(Precision.Float32);
        (double brainFlops, double brainBytes) = Sum(Precision.BFloat16);
        Assert.Equal(flops, brainFlops);
        Assert.InRange(brainBytes / bytes, 0.5, 0.85);

        static (double, double) Sum(Precision precision)
        {
            using ShapeDevice device = new();
            NamedModel named = NamedModels.Of("convnext_dcls_tiny");
            using NetworkStep step = new(device, named.Network, [128, .. named.Sample], named.Classes, training: true, seed: 0, new() { Precision = precision });
            KernelRun[] kernels = [.. Profile.Of(device, step.Run).Kernels];
            return (kernels.Sum(static k => k.Cost?.Flops ?? 0), kernels.Sum(static k => k.Cost?.Bytes ?? 0));
        }
    }

    [Theory, InlineData(Precision.Float32), InlineData(Precision.BFloat16)]
    public void Steps_that_are_timed_on_a_gpu_are_repeated_as_a_graph(Precision precision)
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        using TrainingPace pace = new(device, NamedModels.Of("convnext_dcls_speck"), 2, precision);
        (double[] ms, long peak) = pace.Measure(2, TestContext.Current.CancellationToken);
        Assert.True(ms is [> 0, > 0] && peak > 0 && driver.GraphLaunches >= 2, $"{driver.GraphLaunches} graphs");
    }
}
