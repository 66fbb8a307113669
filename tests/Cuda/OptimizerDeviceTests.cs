using MiniTorch.Models;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>Optimizers, gradient norm and averages on a GPU, against the CPU in double.</summary>
[Trait("category", TestedGpu.Category)]
public sealed class OptimizerDeviceTests
{
    const int Steps = 3;

    /// <summary>Tensors of one element, of an odd number, and of several blocks; the last one never has a gradient.</summary>
    static readonly int[] sizes = [1, 77, 20_011, 4096, 5];

    static readonly Dictionary<string, Func<(string, Tensor)[], Optimizer>> optimizers = new()
    {
        ["sgd"] = static p => new Sgd(p, 0.1),
        ["sgd nesterov"] = static p => new Sgd(p, 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true),
        ["adam"] = static p => new Adam(p, 0.01, weightDecay: 0.1),
        ["adamw amsgrad clipped"] = static p => new AdamW(p, 0.01, weightDecay: 0.1, amsGrad: true, groups: [new(static (name, _) => name == "2", 5, 0)]) { ClipNorm = 3 },
        ["lamb"] = static p => new Lamb(p, 0.01, groups: [new(static (name, _) => name == "1", 2, 0)]),
    };

    public static TheoryData<string> Optimizers => [.. optimizers.Keys];

    [Theory, MemberData(nameof(Optimizers))]
    public void Parameters_move_as_on_the_cpu(string name)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open();
        (double[][] expected, double norm) = Moved(name, cpu, DType.Float64);
        (double[][] actual, double gpuNorm) = Moved(name, gpu, DType.Float32);
        for (int i = 0; i < sizes.Length; i++) OpCaseTests.Close(expected[i], actual[i], 1e-6, $"{name}: parameter {i}");
        Assert.Equal(norm, gpuNorm, 1e-5 * norm);
        Assert.Equal(name.Contains("clipped") || name == "lamb", norm > 0);
    }

    static (double[][] Values, double Norm) Moved(string name, Device device, DType type)
    {
        RandomStream random = new(3, 1);
        (string, Tensor Value)[] parameters = [.. sizes.Select((size, i) =>
        {
            Tensor x = Tensor.Lasting([size], type, device, trainable: true);
            x.WriteDoubles(Normal(random, size));
            return ($"{i}", x);
        })];
        using Optimizer optimizer = optimizers[name](parameters);
        for (int step = 0; step < Steps; step++)
        {
            using Step s = Step.Begin();
            foreach ((_, Tensor x) in parameters.AsSpan(0, sizes.Length - 1))
            {
                Tensor g = Tensor.Like(x);
                g.WriteDoubles(Normal(random, x.Count));
                x.AddGradient(g);
            }
            optimizer.Update();
        }
        return ([.. parameters.Select(static p => p.Value.ToDoubles())], optimizer.GradientNorm);
    }

    [Fact]
    public void A_norm_that_is_no_number_makes_the_factor_so_unless_it_is_only_measured()
    {
        using TestedGpu device = TestedGpu.Open();
        using GradientNorm norm = new(2, device);
        using Step step = Step.Begin();
        norm.Square([Tensor.Of([float.NaN, 1], [2], device)]);
        norm.Limit(1, 0);
        Assert.Equal([double.NaN, double.NaN], norm.Result.ToArray<double>());
        norm.Limit(double.PositiveInfinity, 0);
        Assert.Equal([double.NaN, 1], norm.Result.ToArray<double>());
        norm.Square([Tensor.Of([3f, 4], [2], device), Tensor.Of([12f], [1], device)]);
        norm.Limit(6.5, 0);
        Assert.Equal([13, 0.5], norm.Result.ToArray<double>());
        norm.Square([]);
        norm.Limit(1, 0);
        Assert.Equal([0, 1], norm.Result.ToArray<double>());
    }

    [Fact]
    public void Averages_follow_the_weights_and_are_swapped_bit_by_bit()
    {
        using TestedGpu device = TestedGpu.Open();
        (Linear _, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 131, 129), device, seed: 4);
        using ParameterStore owned = store;
        using ExponentialMovingAverage average = new(store, 0.75);
        Tensor weight = store["weight"];
        float[] before = weight.ToArray<float>(), after = Array.ConvertAll(before, static w => w + 4);
        weight.Write<float>(after);
        average.Update();
        using (average.Use()) OpCaseTests.Close(Array.ConvertAll(before, static w => w + 1.0), weight.ToDoubles(), 1e-6, "average");
        Assert.Equal(after, weight.ToArray<float>());
    }

    static double[] Normal(RandomStream random, int count) => [.. Enumerable.Range(0, count).Select(_ => (double)(float)random.NextNormal())];
}
