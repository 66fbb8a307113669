using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls eval: how well a run classifies its test set.</summary>
static class EvalCommand
{
    static readonly Option<double?> jitter = Options.Number<double>("--jitter", "Spikes only: move every spike by a normally distributed number of frames of this deviation.", "FRAMES", 0);
    static readonly Option<double?> noise = Options.Number<double>("--noise", "Spikes only: probability of a spike of noise in a frame of a channel.", "P", 0);
    static readonly Option<string?> on = new("--on") { Description = "Spikes only: another file of recordings in the layout of SHD, such as another synthesizer's or people's.", HelpName = "FILE" };

    sealed record Result(string Run, string Checkpoint, int Images, double Loss, double Accuracy, IReadOnlyDictionary<string, double> PerClass);

    internal static Command Make()
    {
        Command command = Examples.On(new("eval", "Evaluates a run on its held-out samples."), "dcls eval", "dcls eval --run runs/fashion-1 --checkpoint best",
            "dcls eval --run runs/spoken-digits-1 --jitter 2 --noise 0.01", "dcls eval --run runs/spoken-digits-1 --on digits/people.h5", "dcls eval --json");
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Run, Options.Checkpoint, Options.Data, on, jitter, noise, Options.Out, Options.Threads, Options.Device, Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(Evaluate);
        return command;
    }

    static int Evaluate(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        using Device device = Options.OpenDevice(parsed, terminal);
        RunFolder run = Runs.Find(parsed.GetValue(Options.Run), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        string checkpoint = parsed.GetValue(Options.Checkpoint) ?? "last";
        IDataset test = Samples(parsed, run, config);
        if (!test.Sample.Dims.SequenceEqual(config.Sample))
            throw new WrongInputException($"the run takes samples {Shape.Create(config.Sample)}, the data has {test.Sample}; give the data it was trained on");
        (ILayer model, ParameterStore store) = Runs.Load(run, config, checkpoint, device);
        using (store)
        {
            Evaluation e = Evaluation.Of(model, store, test, config.Training, unreadable: static p => Terminal.Warn(p.Message));
            terminal.Say($"{run.Path}, checkpoint {checkpoint}: accuracy {e.Accuracy:0.0000}, loss {e.Loss:0.0000} on {test.Count:n0} samples");
            foreach ((string name, double share) in config.Classes.Zip(e.PerClass)) terminal.Say($"  {name,-12} {share:0.0000}");
            Dictionary<string, double> perClass = config.Classes.Zip(e.PerClass).Where(static p => !double.IsNaN(p.Second)).ToDictionary(static p => p.First, static p => p.Second);
            terminal.Emit(new Result(run.Path, checkpoint, test.Count, e.Loss, e.Accuracy, perClass));
        }
        return ExitCode.Done;
    }

    static IDataset Samples(ParseResult parsed, RunFolder run, RunConfig config)
    {
        IDataset test;
        if (parsed.GetValue(on) is { } file)
        {
            if (config.Sample is not [var frames, var channels]) throw new WrongInputException($"--on is for runs on spikes; {run.Path} takes samples {Shape.Create(config.Sample)}");
            test = new SpikeFile(file, frames, channels);
            if (!test.Classes.SequenceEqual(config.Classes)) throw new WrongInputException($"{file} has the classes {string.Join(", ", test.Classes)}, the run {string.Join(", ", config.Classes)}");
        }
        else test = Runs.Data(run, config, parsed.GetValue(Options.Data)).Test;
        return parsed.GetValue(jitter) is null && parsed.GetValue(noise) is null ? test
            : test.Sample.Rank != 2 ? throw new WrongInputException($"--jitter and --noise are for runs on spikes; {run.Path} takes samples {Shape.Create(config.Sample)}")
            : new NoisySpikes(test, parsed.GetValue(jitter) ?? 0, parsed.GetValue(noise) ?? 0, config.Training.Seed);
    }
}
