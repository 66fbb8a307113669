using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Whole training steps on a GPU follow the CPU's losses.</summary>
public sealed class TrainingDeviceTests
{
    const int Steps = 20, Batch = 24, Inputs = 19, Hidden = 70, Outputs = 5;

    /// <summary>Fused and separate activations, layer scale with drop path, dropout.</summary>
    sealed class Mlp(ParameterScope at) : ILayer
    {
        readonly Linear first = new(at["first"], Inputs, Hidden), second = new(at["second"], Hidden, Hidden), last = new(at["last"], Hidden, Outputs);
        readonly Tensor scale = at.Parameter("scale", [Hidden], Inits.Constant(0.5));
        readonly RandomSite dropped = at.Random("dropout"), path = at.Random("path");

        public Tensor Forward(Tensor x)
        {
            Tensor h = first.Forward<Gelu>(x);
            h = h.AddBranch(second.Forward(h).Silu(), scale, 0.2, path);
            return last.Forward(h.Dropout(0.1, dropped));
        }
    }

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(true)]
    [InlineData(false)]
    public void An_mlp_learns_as_on_the_cpu(bool libraries)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open(libraries);
        double[] expected = Losses(cpu), actual = Losses(gpu);
        for (int step = 0; step < Steps; step++) Assert.Equal(expected[step], actual[step], 1e-4 * expected[step]);
        Assert.True(expected[^1] < 0.7 * expected[0], $"the loss went from {expected[0]} to {expected[^1]}");
    }

    static double[] Losses(Device device)
    {
        (Mlp model, ParameterStore store) = ParameterStore.Build(static at => new Mlp(at), device, seed: 11);
        using ParameterStore owned = store;
        using AdamW optimizer = new(store.Trainable, 5e-3) { ClipNorm = 1 };
        using ExponentialMovingAverage average = new(store, 0.9);
        RandomStream random = new(8, 2);
        float[] x = Normal(Batch * Inputs), target = Normal(Batch * Outputs);
        double[] losses = new double[Steps];
        for (int i = 0; i < Steps; i++)
        {
            using Step step = Step.Begin();
            Tensor error = model.Forward(Tensor.Of(x, [Batch, Inputs], device)) - Tensor.Of(target, [Batch, Outputs], device);
            Tensor loss = (error * error).Mean();
            loss.Backward();
            optimizer.Update();
            average.Update();
            store.Randomness.Advance();
            losses[i] = loss.Item();
        }
        return losses;

        float[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
