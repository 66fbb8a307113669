using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Taps;

/// <summary>The kernels of a model's layers, drawn by one launch, are to the last bit what each layer draws alone; so are all gradients.</summary>
public sealed class DclsTogetherTests
{
    const int Classes = 3, Batch = 2, Side = 16, Channels = 3;

    public static TheoryData<string, string> Cases => new([.. from version in LayerCase.Versions from device in (string[])["cpu f64", "cpu f32", "cuda"] select (version, device)]);

    /// <summary>Windows of every rank, dense axes, groups; layers that share a form, and more forms and layers than one launch on a GPU can be told of.</summary>
    [Theory, MemberData(nameof(Cases)), Trait("category", TestedGpu.Category)]
    public void Kernels_of_any_forms(string version, string name)
    {
        using TestedGpu? gpu = name == "cuda" ? TestedGpu.Open() : null;
        using CpuDevice cpu = new(2);
        (Device device, DType type) = (gpu?.Device ?? (Device)cpu, name == "cpu f64" ? DType.Float64 : DType.Float32);
        TapSet[] sets =
        [
            new(version, Convention.Centered, [], [17, 17], 34, 1, 3), new(version, Convention.Official, [], [5, 9], 3, 3, 3), new(version, Convention.Centered, [], [30], 9, 1, 1),
            new(version, Convention.Official, [2], [9], 21, 2, 5), new(version, Convention.Centered, [2, 3], [4], 5, 1, 9), new(version, Convention.Official, [], [3, 5, 7], 6, 2, 1),
            .. Enumerable.Range(0, 60).Select(i => new TapSet(version, Convention.Centered, [], [1 + i % 11, 3], 1 + i % 2, 1, 1 + i / 4)),
        ];
        for (int i = 0; i < sets.Length; i++) sets[i] = sets[i].Scattered(new(61, (uint)i));
        double[][] seeds = [.. sets.Select(static (s, i) => s.Seed(new(62, (uint)i)))];
        TapGradients[] alone = [.. sets.Select((s, i) => s.Run(seeds[i], type, device))], together = Together(sets, seeds, type, device);
        for (int i = 0; i < sets.Length; i++)
            foreach (((string part, double[] expected), (_, double[] actual)) in alone[i].All.Zip(together[i].All))
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{part} of {sets[i]}");
    }

    /// <summary>One layer's result is not used: it gets no gradient, and costs none.</summary>
    static TapGradients[] Together(TapSet[] sets, double[][] seeds, DType type, Device device)
    {
        using Step step = Step.Begin();
        DclsTaps[] taps = [.. sets.Select(s => new DclsTaps(Leaf([s.Count, .. s.Dense, s.Inputs, s.Outputs], s.Weight),
            Leaf([s.Size.Length, s.Count, .. s.Dense, s.Inputs, s.Outputs], s.Position),
            s.Sigma is null ? null : Leaf([s.Size.Length, s.Count, .. s.Dense, s.Inputs, s.Outputs], s.Sigma), s.Size, s.Convention))];
        DclsTaps unused = taps[0] with { Weight = Leaf(taps[0].Weight.Shape, sets[0].Weight) };
        Tensor[] kernels = sets[0].Interpolation.Draw([unused, .. taps])[1..];
        Tensor total = Tensor.Zeros([], type, device);
        for (int i = 0; i < sets.Length; i++) total += (kernels[i] * Constant(kernels[i].Shape, seeds[i])).Sum();
        double[][] values = [.. kernels.Select(static k => k.ToDoubles())];
        total.Backward();
        Assert.Null(unused.Weight.Gradient);
        return [.. taps.Select((t, i) => new TapGradients(values[i], t.Weight.Gradient!.ToDoubles(), t.Position.Gradient!.ToDoubles(), t.Sigma?.Gradient!.ToDoubles()))];

        Tensor Leaf(Shape shape, double[] data)
        {
            Tensor x = Tensor.Lasting(shape, type, device, trainable: true);
            x.WriteDoubles(data);
            return x;
        }

        Tensor Constant(Shape shape, double[] data)
        {
            Tensor x = Tensor.Empty(shape, type, device);
            x.WriteDoubles(data);
            return x;
        }
    }

    /// <summary>Layers one after the other, positions shared by three of them.</summary>
    [Theory, MemberData(nameof(Cases)), Trait("category", TestedGpu.Category)]
    public void Layers_of_a_model(string version, string name)
    {
        using TestedGpu? gpu = name == "cuda" ? TestedGpu.Open() : null;
        using CpuDevice cpu = new(2);
        (Device device, DType type) = (gpu?.Device ?? (Device)cpu, name == "cpu f64" ? DType.Float64 : DType.Float32);
        DclsLayers layers = new();
        Depthwise make = layers.Collect(Dcls.Official(version, 7, 5));
        (ILayer[] chain, ParameterStore store) = ParameterStore.Build(at => (ILayer[])[.. Enumerable.Range(0, 4).Select(i => make(at[i], Channels, 7, true, null, null))], device, type, 5);
        using ParameterStore owner = store;
        Assert.Equal(4, layers.All.Count);
        double[][] alone = Run(), together;
        using (layers.Draw()) together = Run();
        Assert.Equal(alone.Length, together.Length);
        foreach ((double[] expected, double[] actual) in alone.Zip(together)) Assert.True(expected.AsSpan().SequenceEqual(actual));
        Assert.Contains(alone[1], static g => g != 0);

        double[][] Run()
        {
            store.ForgetGradients();
            using Step step = Step.Begin();
            RandomStream random = new(63, 0);
            Tensor x = Tensor.Empty([Batch, Side, Side, Channels], type, device);
            x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
            foreach (ILayer layer in chain) x = layer.Forward(x);
            double[] y = x.ToDoubles();
            (x * x).Sum().Backward();
            return [y, .. store.Trainable.Select(static p => p.Tensor.Gradient!.ToDoubles())];
        }
    }

    /// <summary>All layers of a step by one launch, and their gradients by another.</summary>
    [Fact]
    public void A_step_of_a_network_draws_once()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        ConvNeXtOptions sizes = new() { Depths = [2, 1, 3], Dims = [4, 8, 12], InputChannels = 1, Classes = Classes, LayerScale = 1, Stem = [2, 2] };
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, sizes, Dcls.Official("gauss", 5, 4)), device, seed: 3);
        using ParameterStore owner = store;
        List<string> launched = [];
        driver.Launched = (kernel, _) => launched.Add(kernel);
        using Step step = Step.Begin();
        CrossEntropy.Of(model.Forward(Tensor.Zeros([Batch, Side, Side, 1], device: device)), Tensor.Of([1, 2], [Batch], device)).Backward();
        Assert.Equal(["dclsGaussDraw", "dclsGaussDifferentiate"], launched.Where(static k => k.StartsWith("dcls", StringComparison.Ordinal)));
    }
}
