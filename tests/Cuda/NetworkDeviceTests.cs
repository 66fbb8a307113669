using System.Reflection;
using MiniTorch.Cuda;
using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>A whole network learns on a GPU, and no operation is without a kernel there.</summary>
public sealed class NetworkDeviceTests
{
    const int Steps = 20, Batch = 4, Side = 16, Classes = 4, Inputs = 5;

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData("gauss", true)]
    [InlineData("gauss", false)]
    [InlineData("v0", true)]
    public void A_small_convnext_dcls_learns_as_on_the_cpu(string version, bool libraries)
    {
        using CpuDevice cpu = new(1);
        using EmulatedDriver? driver = TestedGpu.IsReal ? null : new();
        using TestedGpu gpu = TestedGpu.Open(libraries, driver);
        double[] expected = Losses(cpu, version), actual = Losses(gpu, version, driver);
        for (int step = 0; step < Steps; step++) Assert.Equal(expected[step], actual[step], 1e-4 * expected[step]);
        Assert.True(expected[^1] < 0.7 * expected[0], $"the loss went from {expected[0]} to {expected[^1]}");
    }

    /// <summary>What crosses between host and device in a step: the batch, the step's number, the optimizer's numbers, and back the loss.</summary>
    static double[] Losses(Device device, string version, EmulatedDriver? driver = null)
    {
        const long Sent = sizeof(float) * Batch * Side * Side + sizeof(int) * Batch + sizeof(int) * 4 + sizeof(double) * 8 + sizeof(double), Read = sizeof(float);
        ConvNeXtOptions sizes = new() { Depths = [1, 1], Dims = [8, 16], InputChannels = 1, Classes = Classes, LayerScale = 1, DropPath = 0.1, Stem = [2, 2] };
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, sizes, Dcls.Official(version, size: 7, count: 6)), device, seed: 3);
        using ParameterStore owned = store;
        using AdamW optimizer = new(store.Trainable, 5e-3) { ClipNorm = 10 };
        using ExponentialMovingAverage average = new(store, 0.9, warmUp: true);
        using Hits hits = new(Classes, device);
        RandomStream random = new(4, 1);
        float[] images = new float[Batch * Side * Side];
        int[] labels = [.. Enumerable.Range(0, Batch).Select(static i => i % Classes)];
        for (int i = 0; i < images.Length; i++) images[i] = (float)(random.NextNormal() + labels[i / (Side * Side)]);
        double[] losses = new double[Steps];
        for (int i = 0; i < Steps; i++)
        {
            using Step step = Step.Begin();
            (long sent, long read) = (driver?.BytesToDevice ?? 0, driver?.BytesToHost ?? 0);
            store.Randomness.Advance();
            Tensor truth = Tensor.Of(labels, [Batch], device), logits = model.Forward(Tensor.Of(images, [Batch, Side, Side, 1], device));
            Tensor loss = CrossEntropy.Of(logits, truth, 0.1);
            loss.Backward();
            optimizer.Update();
            store.Constrain();
            average.Update();
            hits.Add(logits, truth);
            losses[i] = loss.Item();
            if (driver is null || i == 0) continue;         // the first step also writes the tables of the optimizer
            Assert.Equal(Sent, driver.BytesToDevice - sent);
            Assert.Equal(Read, driver.BytesToHost - read);
        }
        return losses;
    }

    /// <summary>What a training reads back: the loss of each step, and at the end of an epoch how many samples of each class were right.</summary>
    [Fact]
    public void A_training_reads_back_the_loss_alone()
    {
        const int Samples = 12, Epochs = 2, Steps = Epochs * Samples / Batch;
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        RandomStream random = new(9, 1);
        ArrayDataset data = new([.. Enumerable.Range(0, Samples * Inputs).Select(_ => (float)random.NextNormal())], [.. Enumerable.Range(0, Samples).Select(static i => i % Classes)], [Inputs]);
        (Linear model, ParameterStore store) = ParameterStore.Build(static at => new Linear(at, Inputs, Classes), device);
        using ParameterStore owner = store;
        using Trainer trainer = new(model, store, data, new() { Epochs = Epochs, Batch = Batch, HoldBackEvery = 0 });
        long before = driver.BytesToHost;
        TrainingResult result = trainer.Run(stop: TestContext.Current.CancellationToken);
        Assert.Equal(sizeof(float) * Steps + Epochs * 2 * sizeof(int) * Classes, driver.BytesToHost - before);
        using CpuDevice cpu = new(1);
        (Linear same, ParameterStore copy) = ParameterStore.Build(static at => new Linear(at, Inputs, Classes), cpu);
        using ParameterStore owned = copy;
        using Trainer other = new(same, copy, data, new() { Epochs = Epochs, Batch = Batch, HoldBackEvery = 0 });
        Assert.Equal(other.Run(stop: TestContext.Current.CancellationToken).Last!.TrainAccuracy, result.Last!.TrainAccuracy);
    }

    /// <summary>Kernels that measure the processor itself.</summary>
    static readonly string[] processorOnly = ["Ceiling.peak", "Ceiling.triad"];

    [Fact]
    public void Every_kernel_has_an_entry_for_cuda()
    {
        List<string> missing = [];
        int seen = 0;
        foreach (Assembly assembly in (Assembly[])[typeof(Device).Assembly, typeof(LayerNormOp).Assembly, typeof(Trainer).Assembly])
            foreach (Type type in assembly.GetTypes())
                foreach (FieldInfo field in type.GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public))
                {
                    if (!field.FieldType.IsGenericType || field.FieldType.GetGenericTypeDefinition() != typeof(Kernel<>)) continue;
                    FieldInfo? read = field;
                    if (type.ContainsGenericParameters) read = Open(type)?.GetField(field.Name, BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public);
                    missing.AddRange(read is null ? [$"{type}: nothing fits its parameters"] : Entries(read));
                    seen++;
                }
        Assert.True(seen > 60, $"{seen} kernels were found");
        Assert.Equal(processorOnly, missing.Order());
    }

    /// <summary>The type closed over the first formula or bump that its parameters allow.</summary>
    static Type? Open(Type type)
    {
        foreach (Type argument in type.Assembly.GetTypes().Where(static t => t is { IsValueType: true, ContainsGenericParameters: false }))
            try
            {
                return type.MakeGenericType([.. Enumerable.Repeat(argument, type.GetGenericArguments().Length)]);
            }
            catch (ArgumentException)
            {
                // this type does not meet the constraints
            }
        return null;
    }

    static IEnumerable<string> Entries(FieldInfo field)
    {
        object kernel = field.GetValue(null)!;
        (string name, object? cuda) = ((string)Part("name")!, Part("cuda"));
        return cuda is null ? [name] : [];

        object? Part(string part) => kernel.GetType().GetField(part, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(kernel);
    }
}
