using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>
/// What a new training is asked for: a recipe, changed by the file of --config, then by the options of the command line, then by each --set. The same words mean the same in every command that
/// takes them.
/// </summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="Settings">What came of it.</param>
sealed record Request(Recipe Recipe, NamedModel Model, Settings Settings)
{
    static readonly Argument<string?> recipe = new("RECIPE")
    {
        Description = $"What to train: {string.Join(", ", Recipe.All.Select(static r => $"{r.Name} ({r.Description})"))} (default: {Recipe.All[0].Name}).",
        Arity = ArgumentArity.ZeroOrOne,
    };
    static readonly Option<string?> model = new("--model") { Description = $"Another model than the recipe's: {NamedModels.Names}.", HelpName = "MODEL" };
    static readonly Option<string?> config = new("--config")
    {
        Description = "JSON file of settings that replace the recipe's: network, training, recipe and model, as dcls config prints them or as a run's config.json has them; any part of them will do.",
        HelpName = "FILE",
    };
    static readonly Option<string[]> set = new("--set")
    {
        Description = "Replace a setting, such as training.layer_decay=0.7 or network.dcls.count=20; dcls config lists them. May be given several times.",
        HelpName = "NAME=VALUE",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };
    static readonly Option<int?> epochs = Cli.Options.Number<int>("--epochs", "Passes over the training part.", "N", 1);
    static readonly Option<int?> batch = Cli.Options.Number<int>("--batch", "Samples that pass the network together.", "N", 1);
    static readonly Option<int?> accumulate = Cli.Options.Number<int>("--accumulate", "Batches of an update (default: the recipe's, mostly 1).", "N", 1);
    static readonly Option<double?> rate = Cli.Options.Number<double>("--lr", "Highest learning rate.", "RATE", 0);
    static readonly Option<ulong?> seed = Cli.Options.Number<ulong>("--seed", "Key of all random numbers; the same seed gives the same result.", "N", 0);
    static readonly Option<string?> repulsion = Cli.Options.OneOf("--repulsion", "Loss that keeps DCLS taps apart, added to the other (default: the recipe's).", "none", "exact", "squared");
    static readonly Option<int?> repulsionFrom = Cli.Options.Number<int>("--repulsion-from", "Epoch, counted from 0, from which it is added.", "N", 0);
    static readonly Option<string?> precision = Cli.Options.OneOf("--precision", "What to compute in (default: the recipe's, float32). TF32 and bf16 take a CUDA device; with bf16 weights stay float32.", Cli.Options.Precisions);
    static readonly Option<double?> saveEvery = Cli.Options.Number<double>("--save-every", "Longest time between two checkpoints, in seconds (default: 20).", "SECONDS", 0);

    static readonly Option[] options = [model, config, set, epochs, batch, accumulate, rate, seed, repulsion, repulsionFrom, precision, Cli.Options.Deterministic, saveEvery];

    /// <summary>What differs from the recipe and from the model of that name.</summary>
    internal IEnumerable<(string Name, string Before, string Now)> Changes => Settings.ChangesFrom(new() { Network = Model.Network, Training = Recipe.Training });

    /// <summary>Gives a command the argument and the options.</summary>
    internal static void AddTo(Command command)
    {
        command.Add(recipe);
        foreach (Option option in options) command.Add(option);
    }

    /// <summary>An option that was given; null if none was.</summary>
    internal static string? FirstGiven(ParseResult parsed) => options.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false })?.Name;

    internal static Request Of(ParseResult parsed)
    {
        JsonObject? file = parsed.GetValue(config) is { } path ? Read(path) : null;
        Recipe chosen = Recipe.Of(parsed.GetValue(recipe) ?? (string?)file?["recipe"] ?? Recipe.All[0].Name);
        string? named = parsed.GetValue(model);
        NamedModel network = NamedModels.Of(named ?? (string?)file?["model"] ?? chosen.Model);
        Settings settings = new() { Network = network.Network, Training = chosen.Training };
        if (named is not null) file?.Remove("network");
        if (file is not null) settings = settings.With(file);
        settings = settings with { Training = Changed(parsed, settings.Training) };
        foreach (string assignment in parsed.GetValue(set) ?? []) settings = settings.With(assignment);
        settings.Training.Validate();
        return new(chosen, network, settings);
    }

    static TrainingOptions Changed(ParseResult parsed, TrainingOptions of)
    {
        TrainingOptions training = of with
        {
            Epochs = parsed.GetValue(epochs) ?? of.Epochs,
            Batch = parsed.GetValue(batch) ?? of.Batch,
            Accumulate = parsed.GetValue(accumulate) ?? of.Accumulate,
            Rate = parsed.GetValue(rate) ?? of.Rate,
            Seed = parsed.GetValue(seed) ?? of.Seed,
            Repulsion = parsed.GetValue(repulsion) is { } kind ? Enum.Parse<RepulsionKind>(kind, ignoreCase: true) : of.Repulsion,
            RepulsionFromEpoch = parsed.GetValue(repulsionFrom) ?? of.RepulsionFromEpoch,
            Deterministic = parsed.GetValue(Cli.Options.Deterministic) || of.Deterministic,
            Precision = Cli.Options.PrecisionOf(parsed.GetValue(precision)) ?? of.Precision,
            SaveSeconds = parsed.GetValue(saveEvery) ?? of.SaveSeconds,
        };
        double share = (double)training.Epochs / of.Epochs;         // the same of a shorter training
        double rising = of.WarmUpEpochs + of.CoolDownEpochs > training.Epochs ? share : 1;
        return training with
        {
            FinalRate = Math.Min(training.FinalRate, training.Rate), WarmUpRate = Math.Min(training.WarmUpRate, training.Rate),
            WarmUpEpochs = of.WarmUpEpochs * rising, CoolDownEpochs = of.CoolDownEpochs * rising,
            Sigma = training.Sigma is { } sigma ? sigma with { Epochs = sigma.Epochs * share } : null,
        };
    }

    static JsonObject Read(string path)
    {
        try
        {
            JsonObject all = JsonNode.Parse(File.ReadAllText(path), documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new WrongInputException($"{path} holds no JSON object; dcls config prints one");
            string[] known = ["recipe", "model", "network", "training", "sample", "classes", "data", "overfit", "weights", "new_head"];
            foreach ((string name, JsonNode? value) in all)
                if (!known.Contains(name) || name is "recipe" or "model" && value?.GetValueKind() != JsonValueKind.String)
                    throw new WrongInputException($"{path}: '{name}' is unknown or has a value of the wrong kind; there is recipe, model, network, training");
            return all;
        }
        catch (JsonException e)
        {
            throw new WrongInputException($"{path} is no JSON: {e.Message}", e);
        }
    }
}
