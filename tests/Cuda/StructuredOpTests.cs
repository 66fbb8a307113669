using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>What kernels of structured ops do beside results and gradients.</summary>
public sealed class StructuredOpTests
{
    [Fact, Trait("category", TestedGpu.Category)]
    public void Batch_norm_moves_its_running_statistics()
    {
        using TestedGpu device = TestedGpu.Open();
        (double[] mean, double[] variance) = Moved(Device.Cpu);
        (double[] gpuMean, double[] gpuVariance) = Moved(device);
        OpCaseTests.Close(mean, gpuMean, 1e-6, "mean");
        OpCaseTests.Close(variance, gpuVariance, 1e-6, "variance");
        Assert.NotEqual(0.5, mean[0]);

        static (double[] Mean, double[] Variance) Moved(Device on)
        {
            using Step step = Step.Begin();
            Tensor x = Tensor.Of(Numbers(600 * 5), [600, 5], on), mean = Tensor.Of([0.5f, 1, -1, 0, 2], [5], on), variance = Tensor.Of([1f, 2, 1, 0.5f, 2], [5], on);
            x.BatchNorm(null, null, mean, variance, Statistics.Batch, momentum: 0.3);
            return (mean.ToDoubles(), variance.ToDoubles());
        }
    }

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(7)]
    [InlineData(70)]
    public void The_first_of_equals_is_the_largest_and_no_number_is_larger(int n)
    {
        const float NaN = float.NaN;
        float[] rows = new float[4 * n];
        (rows[3], rows[n - 1]) = (5, 5);
        (rows[n + 2], rows[n + 4], rows[n + 5]) = (NaN, 9, NaN);
        Array.Fill(rows, float.NegativeInfinity, 2 * n, n);
        (rows[3 * n], rows[4 * n - 1]) = (-1, NaN);
        using TestedGpu device = TestedGpu.Open();
        using Step step = Step.Begin();
        Tensor x = Tensor.Of(rows, [4, n], device), turned = x.Transpose(0, 1);
        Assert.Equal([5, NaN, float.NegativeInfinity, NaN], x.Max(-1).ToArray<float>());
        Assert.Equal([3, 2, 0, n - 1], x.Argmax(-1).ToArray<int>());
        Assert.Equal([3, 2, 0, n - 1], turned.Argmax(0).ToArray<int>());
    }

    [Fact, Trait("category", TestedGpu.Category)]
    public void Max_pool_takes_the_first_of_equals_and_the_last_that_is_no_number()
    {
        float[] pixels = [1, 2, 2, 1, float.NaN, 3, float.NaN, 0, float.NegativeInfinity, float.NegativeInfinity, 7, 7];
        using TestedGpu device = TestedGpu.Open();
        (float[] y, float[] dx) = Pooled(device);
        Assert.Equal([2, float.NaN, 7], y);
        Assert.Equal([0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0], dx);

        (float[] Y, float[] Dx) Pooled(Device on)
        {
            using Step step = Step.Begin();
            Tensor x = Tensor.Lasting([1, 12, 1], device: on, trainable: true);
            x.Write<float>(pixels);
            Tensor y = x.MaxPool([4]);
            y.Backward(Tensor.Of([1f, 1, 1], y.Shape, on));
            return (y.ToArray<float>(), x.Gradient!.ToArray<float>());
        }
    }

    [Fact]
    public void A_class_that_there_is_not_stops_the_kernel()
    {
        using CudaDevice device = CudaDevice.Emulated();
        using Step step = Step.Begin();
        Tensor x = Tensor.Of(Numbers(6), [2, 3], device), classes = Tensor.Of([1, 3], [2], device);
        string message = Assert.Throws<EmulationException>(() => x.CrossEntropy(classes)).Message;
        Assert.Contains("crossEntropyWarps", message);
        Assert.Contains("trapped", message);
    }

    /// <summary>Tiles of a convolution: what the main loops read of shared memory, over what its bytes need, and of global memory.</summary>
    [Fact]
    public void Products_of_convolutions_read_shared_memory_without_conflicts()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver, libraries: false);
        Dictionary<string, LaunchCounters> launched = [];
        driver.Launched = (kernel, counters) => launched[kernel] = counters;
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting([1, 16, 16, 32], device: device, trainable: true), weight = Tensor.Lasting([3, 3, 32, 64], device: device, trainable: true);
        x.Write<float>(Numbers(x.Count));
        weight.Write<float>(Numbers(weight.Count));
        Tensor y = x.Conv(weight, padding: [1]);
        y.Backward(Tensor.Of(Numbers(y.Count), y.Shape, device));
        foreach (string kernel in (ReadOnlySpan<string>)["convGather", "convGatherTransposed", "convCorrelate"])
        {
            Assert.InRange(launched[kernel].WavefrontRatio, 1, 1.15);
            Assert.InRange(launched[kernel].SectorRatio, 1, 1.25);
        }
    }

    static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(static i => (i * 7 % 11 - 5) / 4f)];
}
