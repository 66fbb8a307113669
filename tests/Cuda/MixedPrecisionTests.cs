using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Training in mixed precision: what is rounded, what is not, and that it goes the way of float32.</summary>
public sealed class MixedPrecisionTests
{
    const int Steps = 8, Batch = 4, Side = 16, Classes = 4;

    /// <summary>One layer, by hand: factors rounded, the sum not, and gradients of rounded factors widened; the weight itself is left as it is.</summary>
    [Fact, Trait("category", TestedGpu.Category)]
    public void Parameters_stay_float32_and_what_meets_activations_is_rounded()
    {
        using TestedGpu gpu = TestedGpu.Open();
        (Linear layer, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 3, 2), gpu);
        using ParameterStore owned = store;
        using MixedPrecision mixed = new(layer, store);
        float[] weight = [0.1f, 1.00390625f, -0.3f, 2, 0.7f, 1e-3f], bias = [0.05f, -7];
        float[] x = [0.2f, 0.30001f, -5], dy = [1, 0.3333f];
        layer.Weight.Write<float>(weight);
        layer.Bias!.Write<float>(bias);
        using Step step = Step.Begin();
        Tensor y = mixed.Forward(Tensor.Of(x, [1, 3], gpu));
        y.Backward(Tensor.Of(dy, [1, 2], gpu));
        Assert.Equal((DType.Float32, DType.Float32), (y.DType, layer.Weight.Gradient!.DType));
        Assert.Equal(weight, layer.Weight.ToArray<float>());
        for (int o = 0; o < 2; o++)
        {
            double sum = 0;
            for (int i = 0; i < 3; i++) sum += R(x[i]) * R(weight[2 * i + o]);
            Assert.Equal(R(R(sum) + R(bias[o])), y.ToDoubles()[o]);
            for (int i = 0; i < 3; i++) Assert.Equal(R(R(x[i]) * R(dy[o])), layer.Weight.Gradient.ToDoubles()[2 * i + o]);
            Assert.Equal(R(dy[o]), layer.Bias.Gradient!.ToDoubles()[o]);
        }

        static double R(double v) => (float)(BFloat16)v;
    }

    /// <summary>Two launches a pass for all parameters together, one before it and one behind it.</summary>
    [Fact]
    public void All_parameters_are_rounded_by_one_launch()
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        List<string> launched = [];
        driver.Launched = (kernel, _) => launched.Add(kernel);
        _ = Losses(device, Precision.BFloat16, steps: 1);
        Assert.Single(launched, "mixedRound");
        Assert.Single(launched, "mixedWiden");
        Assert.DoesNotContain(launched, static k => k is "layerNormForward" or "gemm");
    }

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(true)]
    [InlineData(false)]
    public void A_small_convnext_dcls_learns_as_in_float32(bool libraries)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open(libraries);
        double[] expected = Losses(cpu, Precision.Float32), actual = Losses(gpu, Precision.BFloat16);
        for (int step = 0; step < Steps; step++) Assert.Equal(expected[step], actual[step], BrainAgreement.Tolerance * expected[step]);
        Assert.True(expected[^1] < 0.8 * expected[0], $"the loss went from {expected[0]} to {expected[^1]}");
        Assert.NotEqual(expected[0], actual[0], 1e-6);
    }

    static double[] Losses(Device device, Precision precision, int steps = Steps)
    {
        ConvNeXtOptions sizes = new() { Depths = [1, 1], Dims = [8, 16], InputChannels = 1, Classes = Classes, LayerScale = 1, DropPath = 0.1, Stem = [2, 2] };
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, sizes, Dcls.Official("gauss", size: 7, count: 6)), device, seed: 3);
        using ParameterStore owned = store;
        using MixedPrecision? mixed = precision == Precision.BFloat16 ? new(model, store) : null;
        ILayer network = mixed is null ? model : mixed;
        using AdamW optimizer = new(store.Trainable, 5e-3) { ClipNorm = 10 };
        RandomStream random = new(4, 1);
        float[] images = new float[Batch * Side * Side];
        int[] labels = [.. Enumerable.Range(0, Batch).Select(static i => i % Classes)];
        for (int i = 0; i < images.Length; i++) images[i] = (float)(random.NextNormal() + labels[i / (Side * Side)]);
        double[] losses = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            using Step step = Step.Begin();
            store.Randomness.Advance();
            Tensor loss = CrossEntropy.Of(network.Forward(Tensor.Of(images, [Batch, Side, Side, 1], device)), Tensor.Of(labels, [Batch], device), 0.1);
            loss.Backward();
            optimizer.Update();
            store.Constrain();
            losses[i] = loss.Item();
        }
        return losses;
    }

    /// <summary>A run of three epochs, once with graphs and without, once cut off and resumed: the same to the last bit, averages included.</summary>
    [Theory]
    [InlineData(Precision.BFloat16)]
    [InlineData(Precision.Tf32)]
    public void Graphs_and_resuming_change_nothing(Precision precision)
    {
        string folder = Directory.CreateTempSubdirectory("minitorch-mixed-").FullName;
        try
        {
            Dictionary<string, float[]> eager = Trained(graph: false, stopAfter: null), repeated = Trained(graph: true, stopAfter: null), resumed = Trained(graph: true, stopAfter: 4);
            foreach ((string name, float[] values) in eager)
            {
                Assert.Equal(values, repeated[name]);
                Assert.Equal(values, resumed[name]);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Dictionary<string, float[]> Trained(bool graph, int? stopAfter)
        {
            TrainingOptions options = new() { Epochs = 3, Batch = 4, HoldBackEvery = 0, EmaDecay = 0.9, Rate = 5e-3, Precision = precision, Graph = graph, Seed = 2 };
            RunFolder run = RunFolder.Create(folder, "mixed", "{}");
            if (stopAfter is { } steps)
            {
                using CancellationTokenSource stop = new();
                using CudaDevice first = CudaDevice.Emulated();
                (Linear interrupted, ParameterStore parameters) = ParameterStore.Build(static at => new Linear(at, 5, Classes), first);
                using ParameterStore owner = parameters;
                using Trainer begun = new(interrupted, parameters, Data(), options) { Folder = run };
                begun.Run(progress => { if (progress.Step >= steps) stop.Cancel(); }, stop.Token);
            }
            using CudaDevice device = CudaDevice.Emulated();
            (Linear model, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 5, Classes), device);
            using ParameterStore owned = store;
            using Trainer trainer = new(model, store, Data(), options);
            if (stopAfter is null) trainer.Folder = run;
            else trainer.Resume(run);
            Assert.False(trainer.Run(stop: TestContext.Current.CancellationToken).Interrupted);
            Safetensors last = Safetensors.Read(run.Checkpoint("last"));
            return last.Tensors.ToDictionary(static t => t.Key, static t => Array.ConvertAll(t.Value.ToDoubles(), static v => (float)v));
        }

        static ArrayDataset Data()
        {
            RandomStream random = new(9, 1);
            return new([.. Enumerable.Range(0, 12 * 5).Select(_ => (float)random.NextNormal())], [.. Enumerable.Range(0, 12).Select(static i => i % Classes)], [5]);
        }
    }

    [Fact]
    public void What_cannot_be_trained_so_is_refused_in_one_line()
    {
        RandomStream random = new(9, 1);
        ArrayDataset data = new([.. Enumerable.Range(0, 12 * 5).Select(_ => (float)random.NextNormal())], [.. Enumerable.Range(0, 12).Select(static i => i % Classes)], [5]);
        (Linear model, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, 5, Classes));
        using ParameterStore owned = store;
        string bf16 = Assert.Throws<ArgumentException>(() => new Trainer(model, store, data, new() { Batch = 4, Precision = Precision.BFloat16 })).Message;
        Assert.Contains("bf16 is computed on a CUDA device only, got cpu; train in float32 or choose such a device", bf16);
        string tf32 = Assert.Throws<ArgumentException>(() => new Trainer(model, store, data, new() { Batch = 4, Precision = Precision.Tf32 })).Message;
        Assert.Contains("TF32 is a way of CUDA devices, got cpu", tf32);
        using CudaDevice device = CudaDevice.Emulated();
        (SnnDelays spiking, ParameterStore its) = ParameterStore.Build(static at => new SnnDelays(at, new() { Inputs = 5, Hidden = [4], Classes = Classes }), device);
        using ParameterStore itsOwner = its;
        Assert.Contains("spiking networks compute in float32", Assert.Throws<ArgumentException>(() => new MixedPrecision(spiking, its)).Message);
    }
}
