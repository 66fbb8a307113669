using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

public sealed class TwoDotsRecipeTests
{
    /// <summary>Half of the recipe's updates: the taps of each class, started anywhere, come to lie as far apart as its dots.</summary>
    [Fact]
    public void Taps_find_the_distances_of_the_dots()
    {
        Recipe recipe = Recipe.Of("two-dots");
        TrainingOptions options = recipe.Training with { Epochs = 3, Sigma = recipe.Training.Sigma! with { Epochs = 2.7 }, Seed = 1 };
        (IDataset train, IDataset test) = recipe.Data(null, null);
        using CpuDevice device = new(2);
        (ILayer net, ParameterStore store) = ParameterStore.Build(at => NamedModels.Of(recipe.Model).Network.Build(at, train.Sample, train.Classes.Count), device, seed: options.Seed);
        using ParameterStore owner = store;
        Assert.Contains(TwoDots.Distances.Zip(Apart()), static d => Math.Abs(d.First - d.Second.Right) > 2);
        using Trainer trainer = new(net, store, train, options, new Subset(test, [.. Enumerable.Range(0, 200)]));
        double accuracy = trainer.Run(stop: TestContext.Current.CancellationToken).Last!.TestAccuracy!.Value;
        Assert.True(accuracy > 0.95, $"accuracy {accuracy}");
        Assert.All(TwoDots.Distances.Zip(Apart()), static d => Assert.True(Math.Abs(d.First - d.Second.Right) < 0.5 && Math.Abs(d.Second.Down) < 0.5, $"{d.First}: {d.Second}"));

        IReadOnlyList<(double Right, double Down)> Apart() => TwoDotsNetwork.Distances(store.Constrained.OfType<Dcls>().Single());
    }
}
