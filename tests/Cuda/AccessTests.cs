using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Kernels touch few more sectors of global memory than their bytes fill, and shared memory with few bank conflicts.</summary>
public sealed class AccessTests
{
    static readonly Dictionary<string, Func<Device, Tensor>> runs = new()
    {
        ["gelu"] = static d => Of(d, 40, 512).Gelu(),
        ["a row added"] = static d => Of(d, 40, 96) + Of(d, 96),
        ["sum of rows"] = static d => Of(d, 64, 512).Sum([-1]),
        ["sum of columns"] = static d => Of(d, 4096, 96).Sum([0]),
        ["sum of everything"] = static d => Of(d, 64, 1024).Sum(),
        ["transpose"] = static d => Of(d, 64, 96).Permute(1, 0),
        ["slice"] = static d => Of(d, 64, 96).Slice(1, 32, 64),
        ["embedding"] = static d => Tensor.Of([3, 1, 2, 1], [4], d).Embed(Of(d, 5, 96)),
        ["dropout"] = static d => Of(d, 64, 96).Dropout(0.3, new(new Randomness(1, d).State, 0)),
        ["residual"] = static d => Of(d, 4, 8, 96).AddBranch(Of(d, 4, 8, 96), Of(d, 96)),
        ["product"] = static d => Differentiated(Of(d, 128, 64), static (x, w) => x.Linear(w), Of(d, 64, 128)),
        ["product and activation"] = static d => Differentiated(Of(d, 128, 64), static (x, w) => x.LinearGelu(w, Of(w.Device, 128)), Of(d, 64, 128)),
    };

    public static TheoryData<string> Runs => [.. runs.Keys];

    [Theory, MemberData(nameof(Runs))]
    public void Accesses_are_whole_sectors_with_few_conflicts(string name)
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver, libraries: false);
        List<(string Kernel, LaunchCounters Counters)> launched = [];
        driver.Launched = (kernel, counters) => launched.Add((kernel, counters));
        using Step step = Step.Begin();
        _ = runs[name](device);
        Assert.NotEmpty(launched);
        foreach ((string kernel, LaunchCounters c) in launched)
        {
            Assert.True(c.SectorRatio <= 1.1, $"{name}: {kernel} touches {c.SectorRatio:0.00} times the sectors that it needs");
            Assert.True(c.WavefrontRatio <= 1.35, $"{name}: {kernel} needs {c.WavefrontRatio:0.00} times the wavefronts of shared memory");
        }
    }

    static Tensor Of(Device device, params int[] shape)
    {
        Tensor x = Tensor.Lasting(Shape.Create(shape), device: device, trainable: true);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(static i => i % 13 - 6.0)]);
        return x;
    }

    static Tensor Differentiated(Tensor x, Func<Tensor, Tensor, Tensor> product, Tensor weight)
    {
        Tensor y = product(x, weight);
        y.Backward(Of(y.Device, [.. y.Shape.Dims]));
        return y;
    }
}
