using System.CommandLine;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls train: trains a recipe, or goes on with a run.</summary>
static class TrainCommand
{
    static readonly Argument<string> recipe = new("RECIPE")
    {
        Description = $"What to train: {string.Join(", ", Recipe.All.Select(static r => $"{r.Name} ({r.Description})"))}.",
        DefaultValueFactory = static _ => Recipe.All[0].Name,
    };
    static readonly Option<string?> model = new("--model") { Description = $"Another model than the recipe's: {NamedModels.Names}.", HelpName = "MODEL" };
    static readonly Option<int?> epochs = Options.Number<int>("--epochs", "Passes over the training part.", "N", 1);
    static readonly Option<int?> batch = Options.Number<int>("--batch", "Samples per update.", "N", 1);
    static readonly Option<double?> rate = Options.Number<double>("--lr", "Highest learning rate.", "RATE", 0);
    static readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Key of all random numbers; the same seed gives the same result.", "N", 0);
    static readonly Option<string?> repulsion = Options.OneOf("--repulsion", "Loss that keeps DCLS taps apart, added to the other (default: the recipe's).", "none", "exact", "squared");
    static readonly Option<int?> repulsionFrom = Options.Number<int>("--repulsion-from", "Epoch, counted from 0, from which it is added.", "N", 0);
    static readonly Option<double?> saveEvery = Options.Number<double>("--save-every", "Longest time between two checkpoints, in seconds (default: 20).", "SECONDS", 0);
    static readonly Option<string?> graph = Options.OneOf("--graph", "Repeat the steps as one launch each, on CUDA devices only (default: on there). Results do not depend on it.", "on", "off");
    static readonly Option<int?> workers = Options.Number<int>("--workers", "Threads that decode and augment (default: half of the cores for pictures). Results do not depend on it.", "N", 1);
    static readonly Option<string?> resume = new("--resume") { Description = "Go on with this run, with its own options.", HelpName = "RUN" };

    /// <summary>The line that --json ends with.</summary>
    sealed record Summary(string Run, int Epochs, double? TestAccuracy, double TrainLoss, double Seconds, double ImagesPerSecond,
        IReadOnlyDictionary<string, double>? Findings);

    internal static Command Make()
    {
        Command command = Examples.On(new("train", "Trains a network and writes the run to a folder."),
            "dcls train", "dcls train --epochs 3 --seed 1", "dcls train two-dots --seed 3", "dcls train spoken-digits", "dcls train shd --data DIR", "dcls train --data /usr/share/datasets/fashion-mnist", 
            "dcls train --resume runs/fashion-1", "dcls train --json > result.jsonl");
        command.Add(recipe);
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Data, model, epochs, batch, rate, seed, repulsion, repulsionFrom, Options.Threads, workers, Options.Device, graph, Options.Out, saveEvery, resume,
            Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Train(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Train(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        using Device device = Options.OpenDevice(parsed, terminal);
        RunFolder? old = parsed.GetValue(resume) is { } name ? Runs.Find(name, parsed.GetValue(Options.Out)!) : null;
        (RunConfig config, IDataset train, IDataset test) = old is null ? Resolve(parsed) : Continue(parsed, old);
        (ILayer net, ParameterStore store) = Runs.Build(config, device);
        bool? captured = parsed.GetValue(graph) is { } asked ? asked == "on" : null;
        if (captured == true && device is not CudaDevice) throw new WrongInputException($"--graph on needs a CUDA device, the training runs on {device}; leave it out or choose --device cuda");
        using (store)
        using (Trainer trainer = new(net, store, train, config.Training with { Graph = captured, Workers = parsed.GetValue(workers) }, test) { Unreadable = static p => Terminal.Warn(p.Message) })
        {
            if (old is not null) trainer.Resume(old);
            else trainer.Folder = RunFolder.Create(parsed.GetValue(Options.Out)!, config.Recipe, JsonSerializer.Serialize(config, RunJson.Indented));
            RunFolder run = trainer.Folder!;
            terminal.Say($"{(old is null ? "training" : "going on with")} {config.Model} "
                + $"({store.ParameterCount:n0} parameters) on {train.Count:n0} samples, {test.Count:n0} held out; seed {config.Training.Seed}; run {run.Path}");
            using CancellationTokenRegistration said = stop.Register(() => terminal.Say("stopping: this step is finished and saved first"));
            TrainingResult result;
            using (ProgressView view = new(terminal, trainer.Steps, terminal.Emit)) result = trainer.Run(view.Show, stop);
            Plots.Draw(run, config, net, store, test, terminal);
            if (result.Interrupted)
            {
                Console.Error.WriteLine($"interrupted; go on with: dcls train --resume {run.Path}");
                return ExitCode.Interrupted;
            }
            EpochMetrics last = result.Last!;
            terminal.Say($"done in {result.Seconds:0} s: test accuracy {last.TestAccuracy:0.0000}, best epoch on the part held back {result.BestEpoch}; run {run.Path}");
            IReadOnlyList<(string What, double Value)>? findings = Findings(config, store);
            foreach ((string what, double value) in findings ?? []) terminal.Say($"  {what,-28} {value,8:0.00}");
            terminal.Emit(new Summary(run.Path, last.Epoch, last.TestAccuracy, last.TrainLoss, Math.Round(result.Seconds, 3), Math.Round(result.ImagesPerSecond, 1),
                findings?.ToDictionary(static f => f.What, static f => Math.Round(f.Value, 4))));
            return ExitCode.Done;
        }
    }

    static IReadOnlyList<(string, double)>? Findings(RunConfig config, ParameterStore store)
    {
        Recipe recipe = Recipe.Of(config.Recipe);
        return config.Model == recipe.Model ? recipe.Findings?.Invoke(store) : null;
    }

    static (RunConfig, IDataset, IDataset) Resolve(ParseResult parsed)
    {
        Recipe chosen = Recipe.Of(parsed.GetValue(recipe)!);
        TrainingOptions training = chosen.Training with
        {
            Epochs = parsed.GetValue(epochs) ?? chosen.Training.Epochs,
            Batch = parsed.GetValue(batch) ?? chosen.Training.Batch,
            Rate = parsed.GetValue(rate) ?? chosen.Training.Rate,
            Seed = parsed.GetValue(seed) ?? chosen.Training.Seed,
            Repulsion = parsed.GetValue(repulsion) is { } kind ? Enum.Parse<RepulsionKind>(kind, ignoreCase: true) : chosen.Training.Repulsion,
            RepulsionFromEpoch = parsed.GetValue(repulsionFrom) ?? chosen.Training.RepulsionFromEpoch,
            SaveSeconds = parsed.GetValue(saveEvery) ?? chosen.Training.SaveSeconds,
        };
        training = training with
        {
            FinalRate = Math.Min(training.FinalRate, training.Rate), WarmUpEpochs = Math.Min(training.WarmUpEpochs, training.Epochs),
            Sigma = training.Sigma is { } sigma ? sigma with { Epochs = sigma.Epochs * training.Epochs / chosen.Training.Epochs } : null,      // the same share of a shorter training
        };
        training.Validate();
        NamedModel network = NamedModels.Of(parsed.GetValue(model) ?? chosen.Model);
        string? folder = parsed.GetValue(Options.Data);
        (IDataset train, IDataset test) = chosen.Data(folder);
        RunConfig config = new()
        {
            Recipe = chosen.Name,
            Model = network.Name,
            Network = network.Network,
            Sample = train.Sample.Dims.ToArray(),
            Classes = [.. train.Classes],
            Data = folder is null ? null : Path.GetFullPath(folder),
            Training = training,
        };
        return (config, train, test);
    }

    static (RunConfig, IDataset, IDataset) Continue(ParseResult parsed, RunFolder run)
    {
        foreach (Option option in (ReadOnlySpan<Option>)[model, epochs, batch, rate, seed, repulsion, repulsionFrom, saveEvery])
            if (parsed.GetResult(option) is { Implicit: false })
                throw new WrongInputException($"{option.Name} cannot be changed when a run goes on: its result would be neither run's; leave it out or start a new run");
        RunConfig config = Runs.Config(run);
        (IDataset train, IDataset test) = Runs.Data(run, config, parsed.GetValue(Options.Data));
        return (config, train, test);
    }
}
