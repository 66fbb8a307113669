using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls predict: what a run sees in pictures.</summary>
static class PredictCommand
{
    static readonly Argument<string[]> images = new("IMAGE") { Description = "PNG, JPEG, BMP, GIF or WebP files.", Arity = ArgumentArity.OneOrMore };
    static readonly Option<int?> top = Options.Number<int>("--top", "How many classes to show (default: 3).", "N", 1);

    sealed record Guess(string Class, double Probability);

    sealed record Prediction(string Image, string Prepared, IReadOnlyList<Guess> Top);

    internal static Command Make()
    {
        Command command = Examples.On(new("predict", "Classifies pictures with the weights of a run."), "dcls predict shoe.png", "dcls predict *.jpg --top 5 --run runs/fashion-1 --json");
        command.Add(images);
        foreach (Option option in (ReadOnlySpan<Option>)[top, Options.Run, Options.Checkpoint, Options.Out, Options.Threads, Options.Device, Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(Predict);
        return command;
    }

    static int Predict(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string[] paths = parsed.GetValue(images)!;
        foreach (string path in paths)
            if (!File.Exists(path)) throw new WrongInputException($"there is no image {path}; give the path of a PNG or JPEG file");
        using Device device = Options.OpenDevice(parsed, terminal);
        RunFolder run = Runs.Find(parsed.GetValue(Options.Run), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        Shape sample = Shape.Create(config.Sample);
        (string Path, float[] Values, string Done)[] prepared = [.. paths.Select(p => (p, config.Training.Fit.Read(p, sample, out string done), done))];
        (ILayer model, ParameterStore store) = Runs.Load(run, config, parsed.GetValue(Options.Checkpoint) ?? "last", device);
        using (store)
            foreach ((string path, float[] values, string done) in prepared)
            {
                Prediction p = new(path, done, Guesses(model, device, config, sample, values, parsed.GetValue(top) ?? 3));
                terminal.Say($"{path}{(done.Length > 0 ? $" ({done})" : "")}");
                foreach (Guess g in p.Top) terminal.Say($"  {g.Probability,7:0.0%}  {g.Class}");
                terminal.Emit(p);
            }
        return ExitCode.Done;
    }

    static Guess[] Guesses(ILayer model, Device device, RunConfig config, Shape sample, float[] values, int count)
    {
        float[] normal = [.. values];
        new Normalisation(config.Training.Mean, config.Training.Deviation, sample).Apply(normal);
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] logits = model.Forward(Tensor.Of(normal, Shape.Create([1, .. sample.Dims]), device)).ToDoubles();
        double most = logits.Max(), sum = logits.Sum(v => Math.Exp(v - most));
        return [.. config.Classes.Zip(logits, (name, v) => new Guess(name, Math.Exp(v - most) / sum)).OrderByDescending(static g => g.Probability).Take(count)];
    }
}
