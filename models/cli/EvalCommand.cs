using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls eval: how well a run classifies its test set.</summary>
static class EvalCommand
{
    static readonly Option<double?> jitter = Options.Number<double>("--jitter", "Spikes only: move every spike by a normally distributed number of frames of this deviation.", "FRAMES", 0);
    static readonly Option<double?> noise = Options.Number<double>("--noise", "Spikes only: probability of a spike of noise in a frame of a channel.", "P", 0);
    static readonly Option<string?> on = new("--on") { Description = "Spikes only: another file of recordings in the layout of SHD, such as another synthesizer's or people's.", HelpName = "FILE" };

    static readonly Option<string?> confusion = new("--confusion") { Description = "Write which classes were taken for which to this file: .png, .svg, or .csv for the counts.", HelpName = "FILE" };

    const int MistakesShown = 5, MostShown = 40;

    sealed record Mistake(string Class, string TakenFor, int Count);

    sealed record Result(string Run, string Checkpoint, int Images, double Loss, double Accuracy, double TopFive, double ImagesPerSecond, IReadOnlyDictionary<string, double> PerClass,
        IReadOnlyList<Mistake> Mistakes);

    internal static Command Make()
    {
        Command command = Examples.On(new("eval", "Evaluates a run, or a model with the weights of a file, on held-out samples."), "dcls eval", "dcls eval --run runs/fashion-1 --checkpoint best",
            "dcls eval --run runs/spoken-digits-1 --jitter 2 --noise 0.01", "dcls eval --run runs/spoken-digits-1 --on digits/people.h5", "dcls eval --confusion confusion.png",
            "dcls eval --model convnext_dcls_tiny --weights convnext_dcls_tiny.pth --data IMAGENET", "dcls eval --json");
        Subject.AddTo(command);
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Data, on, jitter, noise, confusion, Options.Threads, Options.Device, Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(static (parsed, stop) => Task.Run(() => Evaluate(parsed, stop), CancellationToken.None));
        return command;
    }

    static int Evaluate(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        using Device device = Options.OpenDevice(parsed, terminal);
        if (parsed.GetValue(confusion) is { } file) Picture.Check(file, ".csv");
        using Subject subject = Subject.Open(parsed, parsed.GetValue(Options.Run), device, terminal, withData: true);
        RunConfig config = subject.Config;
        IDataset test = Samples(parsed, subject);
        if (!test.Sample.Dims.SequenceEqual(config.Sample))
            throw new WrongInputException($"{subject.Name} takes samples {Shape.Create(config.Sample)}, the data has {test.Sample}; give the data it was trained on");
        Evaluation e = terminal.Watch("evaluating", test.Count, progress => Evaluation.Of(subject.Model, subject.Store, test, config.Training, unreadable: static p => Terminal.Warn(p.Message), progress: progress, stop: stop));
        terminal.Say($"{subject.Name}, {(subject.IsOfFile ? "" : "checkpoint ")}{subject.Checkpoint}: accuracy {e.Accuracy:0.0000}{(config.Classes.Length > 5 ? $" (among the first five: {e.TopFive:0.0000})" : "")}, loss {e.Loss:0.0000} "
            + $"on {test.Count:n0} samples, {e.SamplesPerSecond:n0} a second");
        (string Name, double Share)[] shares = [.. config.Classes.Zip(e.PerClass)];
        if (shares.Length > MostShown)
        {
            terminal.Say($"the {MostShown} of {shares.Length} classes that are least often right (--json and --confusion have all)");
            shares = [.. shares.Where(static s => !double.IsNaN(s.Share)).OrderBy(static s => s.Share).Take(MostShown)];
        }
        int width = Math.Max(12, shares.Max(static s => s.Name.Length));
        foreach ((string name, double share) in shares) terminal.Say($"  {name.PadRight(width)} {share:0.0000}");
        Mistake[] mistakes = [.. e.Mistakes.Take(MistakesShown).Select(m => new Mistake(config.Classes[m.Class], config.Classes[m.TakenFor], m.Count))];
        if (mistakes.Length > 0) terminal.Say("most often taken for another: " + string.Join(", ", mistakes.Select(static m => $"{m.Class} for {m.TakenFor} ({m.Count})")));
        if (parsed.GetValue(confusion) is { } picture)
        {
            ConfusionPicture.Write(picture, e, config.Classes);
            terminal.Say($"wrote {picture}");
        }
        Dictionary<string, double> perClass = config.Classes.Zip(e.PerClass).Where(static p => !double.IsNaN(p.Second)).ToDictionary(static p => p.First, static p => p.Second);
        terminal.Emit(new Result(subject.Name, subject.Checkpoint, test.Count, e.Loss, e.Accuracy, e.TopFive, Math.Round(e.SamplesPerSecond, 1), perClass, mistakes));
        return ExitCode.Done;
    }

    static IDataset Samples(ParseResult parsed, Subject subject)
    {
        RunConfig config = subject.Config;
        IDataset test;
        if (parsed.GetValue(on) is { } file)
        {
            if (config.Sample is not [var frames, var channels]) throw new WrongInputException($"--on is for runs on spikes; {subject.Name} takes samples {Shape.Create(config.Sample)}");
            test = new SpikeFile(file, frames, channels);
            if (!test.Classes.SequenceEqual(config.Classes)) throw new WrongInputException($"{file} has the classes {string.Join(", ", test.Classes)}, the run {string.Join(", ", config.Classes)}");
        }
        else test = subject.Test!;
        return parsed.GetValue(jitter) is null && parsed.GetValue(noise) is null ? test
            : test.Sample.Rank != 2 ? throw new WrongInputException($"--jitter and --noise are for runs on spikes; {subject.Name} takes samples {Shape.Create(config.Sample)}")
            : new NoisySpikes(test, parsed.GetValue(jitter) ?? 0, parsed.GetValue(noise) ?? 0, config.Training.Seed);
    }
}
