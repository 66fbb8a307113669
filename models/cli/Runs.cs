using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>What commands do with runs: find them, read their config, load their data and their weights.</summary>
static class Runs
{
    /// <summary>A run by its folder, or by its name in the folder of the runs; without a name, the newest.</summary>
    internal static RunFolder Find(string? name, string parent)
    {
        if (name is null)
            return RunFolder.Newest(parent) ?? throw new WrongInputException($"there is no run in {parent}; train one with dcls train, or name another folder with --out");
        string inside = Path.Combine(parent, name);
        if (Directory.Exists(name)) return RunFolder.Open(name);
        if (Directory.Exists(inside)) return RunFolder.Open(inside);
        throw new WrongInputException($"there is no run {name}, nor {inside}; give the folder of a run, such as runs/fashion-1");
    }

    internal static RunConfig Config(RunFolder run)
    {
        try
        {
            return JsonSerializer.Deserialize<RunConfig>(run.Config, RunJson.Indented)!;
        }
        catch (JsonException e)
        {
            throw new WrongInputException($"config.json of {run.Path} is not understood ({Settings.Explained(e)}); was it edited, or written by another version?", e);
        }
    }

    /// <summary>The data of a run, or of another folder where it was trained on a folder.</summary>
    internal static (IDataset Train, IDataset Test) Data(RunFolder run, RunConfig config, string? folder)
    {
        if (folder is not null && config.Data is null)
            throw new WrongInputException($"{run.Path} was trained without --data, on samples of its own that may be among those of {folder}, so an accuracy there would mean "
                + "nothing; leave --data out, or start a new run with it");
        return Data(Recipe.Of(config.Recipe), folder ?? config.Data, config.Size, config.Overfit);
    }

    /// <summary>The data of a recipe; if so many samples are to be learned by heart, these alone, as both parts.</summary>
    internal static (IDataset Train, IDataset Test) Data(Recipe recipe, string? folder, int? size, int? overfit)
    {
        (IDataset train, IDataset test) = recipe.Data(folder, size);
        if (overfit is not { } count) return (train, test);
        if (count > train.Count) throw new WrongInputException($"--overfit {count} is more than the {train.Count} training samples; choose fewer");
        Subset few = Subset.Evenly(train, count);
        return (few, few);
    }

    internal static (ILayer Model, ParameterStore Store) Build(RunConfig config, Device device, IReadOnlyDictionary<string, StoredTensor>? weights = null)
        => ParameterStore.Build(at => config.Network.Build(at, Shape.Create(config.Sample), config.Classes.Length), device, seed: config.Training.Seed, file: weights);

    /// <summary>The model of a run with the weights it is judged by: averaged ones if the run has them.</summary>
    internal static (ILayer Model, ParameterStore Store) Load(RunFolder run, RunConfig config, string checkpoint, Device device)
        => Build(config, device, Trainer.Weights(Safetensors.Read(run.Checkpoint(checkpoint))));
}
