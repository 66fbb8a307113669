using System.CommandLine;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls train: trains a recipe, or goes on with a run.</summary>
static class TrainCommand
{
    static readonly Option<string?> graph = Options.OneOf("--graph", "Repeat the steps as one launch each, on CUDA devices only (default: on there). Results do not depend on it.", "on", "off");
    static readonly Option<string?> weights = new("--weights")
    {
        Description = "Start from the weights of this file: a checkpoint of a run, safetensors, or a .pth of PyTorch, under official, facebook, timm, sail or apple names.", HelpName = "FILE",
    };
    static readonly Option<bool> newHead = new("--new-head") { Description = "With --weights: what depends on the number of classes starts anew, as for other classes than the file's." };
    static readonly Option<int?> overfit = Options.Number<int>("--overfit", "Train on so many samples, and test with the same: what learns at all comes to know them by heart.", "N", 1);
    static readonly Option<bool> dryRun = new("--dry-run") { Description = "Only show what would be trained, with shapes, work, memory and the time that a few updates take; writes nothing." };
    static readonly Option<int?> workers = Options.Number<int>("--workers", "Threads that decode and augment (default: half of the cores for pictures). Results do not depend on it.", "N", 1);
    static readonly Option<string?> resume = new("--resume") { Description = "Go on with this run, with its own options.", HelpName = "RUN" };

    /// <summary>The line that --json ends with.</summary>
    sealed record Summary(string Run, int Epochs, double? TestAccuracy, double TrainLoss, double Seconds, double ImagesPerSecond,
        IReadOnlyDictionary<string, double>? Findings);

    internal static Command Make()
    {
        Command command = Examples.On(new("train", "Trains a network and writes the run to a folder."),
            "dcls train", "dcls train --epochs 3 --seed 1", "dcls train two-dots --seed 3", "dcls train spoken-digits", "dcls train shd --data DIR", "dcls train --data /usr/share/datasets/fashion-mnist",
            "dcls train --set training.layer_decay=0.9 training.clip_norm=1", "dcls train --config mine.json --dry-run", "dcls train --overfit 64 --epochs 60",
            "dcls train finetune-convnext --model convnext_dcls_tiny --weights convnext_dcls_tiny.pth --new-head --data DIR", "dcls train --resume runs/fashion-1",
            "dcls train --json > result.jsonl");
        Request.AddTo(command);
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Data, Options.Size, weights, newHead, overfit, dryRun, Options.Threads, workers, Options.Device, graph, Options.Out, resume, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Train(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Train(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        using Device device = Options.OpenDevice(parsed, terminal);
        RunFolder? old = parsed.GetValue(resume) is { } name ? Runs.Find(name, parsed.GetValue(Options.Out)!) : null;
        if (parsed.GetValue(newHead) && parsed.GetValue(weights) is null) throw new WrongInputException("--new-head goes with --weights; without weights of a file everything starts anew");
        Request? request = old is null ? Request.Of(parsed) : null;
        (RunConfig config, IDataset train, IDataset test) = request is null ? Continue(parsed, old!) : Resolve(parsed, request);
        (ILayer net, ParameterStore store) = old is null && config.Weights is not null ? Started(config, device, terminal) : Runs.Build(config, device);
        bool? captured = parsed.GetValue(graph) is { } asked ? asked == "on" : null;
        if (captured == true && device is not CudaDevice) throw new WrongInputException($"--graph on needs a CUDA device, the training runs on {device}; leave it out or choose --device cuda");
        using (store)
        using (Trainer trainer = new(net, store, train, config.Training with { Graph = captured, Workers = parsed.GetValue(workers) }, test) { Unreadable = static p => Terminal.Warn(p.Message) })
        {
            if (parsed.GetValue(dryRun)) return DryRun.Show(terminal, config, store, trainer, train, test);
            if (old is not null) trainer.Resume(old);
            else trainer.Folder = RunFolder.Create(parsed.GetValue(Options.Out)!, config.Recipe, JsonSerializer.Serialize(config, RunJson.Indented));
            RunFolder run = trainer.Folder!;
            terminal.Say($"{(old is null ? "training" : "going on with")} {config.Model} "
                + $"({store.ParameterCount:n0} parameters) on {train.Count:n0} samples, {test.Count:n0} held out; seed {config.Training.Seed}; run {run.Path}");
            foreach ((string what, string before, string now) in request?.Changes ?? []) terminal.Say($"  {what}: {now} instead of {before}");
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

    static (RunConfig, IDataset, IDataset) Resolve(ParseResult parsed, Request request)
    {
        string? folder = parsed.GetValue(Options.Data);
        int? few = parsed.GetValue(overfit);
        (IDataset train, IDataset test) = Runs.Data(request.Recipe, folder, parsed.GetValue(Options.Size), few);
        TrainingOptions training = request.Settings.Training;
        RunConfig config = new()
        {
            Recipe = request.Recipe.Name,
            Model = request.Model.Name,
            Network = request.Settings.Network,
            Sample = train.Sample.Dims.ToArray(),
            Classes = [.. train.Classes],
            Data = folder is null ? null : Path.GetFullPath(folder),
            Size = parsed.GetValue(Options.Size),
            Weights = parsed.GetValue(weights) is { } file ? Path.GetFullPath(file) : null,
            NewHead = parsed.GetValue(newHead),
            Overfit = few,
            Training = few is null ? training : training.ByHeart(train.Count),
        };
        return (config, train, test);
    }

    /// <summary>The network with the weights of a file.</summary>
    static (ILayer, ParameterStore) Started(RunConfig config, Device device, Terminal terminal)
    {
        (ILayer net, ParameterStore store, PretrainedReport report) = Pretrained.Load(config.Network, Shape.Create(config.Sample), config.Classes.Length, config.Weights!, device, config.NewHead, config.Training.Seed);
        if (report.Network != config.Network)
        {
            store.Dispose();
            throw new WrongInputException($"{config.Weights} holds a network whose branches were folded for inference; train from a file that has them");
        }
        terminal.Say($"{config.Weights}: {report}");
        return (net, store);
    }

    static (RunConfig, IDataset, IDataset) Continue(ParseResult parsed, RunFolder run)
    {
        if ((Request.FirstGiven(parsed) ?? ((Option[])[Options.Size, weights, newHead, overfit]).FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false })?.Name) is { } option)
            throw new WrongInputException($"{option} cannot be changed when a run goes on: its result would be neither run's; leave it out or start a new run");
        RunConfig config = Runs.Config(run);
        (IDataset train, IDataset test) = Runs.Data(run, config, parsed.GetValue(Options.Data));
        return (config, train, test);
    }
}
