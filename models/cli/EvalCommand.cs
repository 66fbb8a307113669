using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls eval: how well a run classifies its test set.</summary>
static class EvalCommand
{
    sealed record Result(string Run, string Checkpoint, int Images, double Loss, double Accuracy, IReadOnlyDictionary<string, double> PerClass);

    internal static Command Make()
    {
        Command command = Examples.On(new("eval", "Evaluates a run on its held-out images."), "dcls eval", "dcls eval --run runs/fashion-1 --checkpoint best", "dcls eval --json");
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Run, Options.Checkpoint, Options.Data, Options.Out, Options.Threads, Options.Device, Options.Json, Options.Debug])
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
        IDataset test = Runs.Data(run, config, parsed.GetValue(Options.Data)).Test;
        if (!test.Sample.Dims.SequenceEqual(config.Sample))
            throw new WrongInputException($"the run takes images {Shape.Create(config.Sample)}, the data has {test.Sample}; give the data it was trained on");
        (ILayer model, ParameterStore store) = Runs.Load(run, config, checkpoint, device);
        using (store)
        {
            Evaluation e = Evaluation.Of(model, store, test, config.Training.Mean, config.Training.Deviation);
            terminal.Say($"{run.Path}, checkpoint {checkpoint}: accuracy {e.Accuracy:0.0000}, loss {e.Loss:0.0000} on {test.Count:n0} images");
            foreach ((string name, double share) in config.Classes.Zip(e.PerClass)) terminal.Say($"  {name,-12} {share:0.0000}");
            Dictionary<string, double> perClass = config.Classes.Zip(e.PerClass).Where(static p => !double.IsNaN(p.Second)).ToDictionary(static p => p.First, static p => p.Second);
            terminal.Emit(new Result(run.Path, checkpoint, test.Count, e.Loss, e.Accuracy, perClass));
        }
        return ExitCode.Done;
    }
}
