using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Training;

/// <summary>Updates of several batches.</summary>
public sealed class AccumulationTests
{
    static readonly TrainingOptions whole = new() { Epochs = 3, Batch = 8, Rate = 1e-2, WarmUpEpochs = 1, Seed = 4, EmaDecay = 0.9, HoldBackEvery = 0, LabelSmoothing = 0.1 };

    /// <summary>The mean of the gradients of equal parts is the gradient of the mean.</summary>
    [Theory, InlineData(2), InlineData(4)]
    public void An_update_of_several_batches_is_that_of_one_large_batch(int parts)
    {
        (Dictionary<string, float[]> expected, TrainingResult large) = Train(whole);
        (Dictionary<string, float[]> actual, TrainingResult small) = Train(whole with { Batch = whole.Batch / parts, Accumulate = parts });
        Assert.Equal((large.Last!.Step, large.Last.LearningRate), (small.Last!.Step, small.Last.LearningRate));
        Assert.Equal(large.Last.TrainLoss, small.Last.TrainLoss, 1e-5);
        foreach ((string name, float[] values) in expected)
            for (int i = 0; i < values.Length; i++) Assert.Equal(values[i], actual[name][i], 2e-5);
    }

    [Fact]
    public void What_is_left_of_an_epoch_makes_no_update()
    {
        (_, TrainingResult result) = Train(whole with { Batch = 5, Accumulate = 3 });
        Assert.Equal(3 * (50 / 15), result.Last!.Step);
    }

    [Fact]
    public void An_update_larger_than_the_data_is_refused()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Train(whole with { Batch = 20, Accumulate = 3 }));
        Assert.Contains("60 samples is larger than the training part of 50 samples", e.Message);
    }

    static (Dictionary<string, float[]>, TrainingResult) Train(TrainingOptions options)
    {
        using CpuDevice device = new(2);
        (ILayer model, ParameterStore store) = ParameterStore.Build(static at => new Net(at), device, seed: options.Seed);
        using ParameterStore owned = store;
        using Trainer trainer = new(model, store, SmallIdx.Array(50), options);
        TrainingResult result = trainer.Run(stop: TestContext.Current.CancellationToken);
        return (store.All.ToDictionary(static p => p.Name, static p => p.Tensor.ToArray<float>()), result);
    }

    sealed class Net(ParameterScope at) : ILayer
    {
        readonly Dcls2d dcls = new(at["dcls"], 1, 6, 3, 5, stride: 5);
        readonly Linear head = new(at["head"], 4 * 6, 4);

        public Tensor Forward(Tensor x) => head.Forward(dcls.Forward(x).Reshape([x.Shape[0], 4 * 6]));
    }
}
