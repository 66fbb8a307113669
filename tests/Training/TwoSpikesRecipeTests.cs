using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

public sealed class TwoSpikesRecipeTests
{
    /// <summary>Delays started at random come to differ by what the spikes of their class do.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Delays_find_the_truth(ulong seed)
    {
        Recipe recipe = Recipe.Of("two-spikes");
        (IDataset train, IDataset test) = recipe.Data(null, null);
        using CpuDevice device = new(2);
        (ILayer net, ParameterStore store) = ParameterStore.Build(at => NamedModels.Of(recipe.Model).Network.Build(at, train.Sample, train.Classes.Count), device, seed: seed);
        using ParameterStore owner = store;
        Dcls taps = store.Constrained.OfType<Dcls>().Single();
        Assert.Contains(TwoSpikes.Differences.Zip(TwoSpikesNetwork.Differences(taps)), static d => Math.Abs(d.First - d.Second) > 2);
        using Trainer trainer = new(net, store, train, recipe.Training with { Seed = seed }, test);
        double accuracy = trainer.Run(stop: TestContext.Current.CancellationToken).Last!.TestAccuracy!.Value;
        Assert.True(accuracy == 1, $"accuracy {accuracy}");
        Assert.All(TwoSpikes.Differences.Zip(TwoSpikesNetwork.Differences(taps)), static d => Assert.Equal(d.First, d.Second, 0.25));
    }
}
