using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls raster: the spikes and membranes of a recording in a run's network.</summary>
static class RasterCommand
{
    static readonly Option<int?> index = Options.Number<int>("--index", "Number of the recording in the test set, from 0 (default: 0).", "N", 0);
    static readonly Option<string> file = new("--to") { Description = "Picture to write, .png or .svg.", DefaultValueFactory = static _ => "raster.png", HelpName = "FILE" };

    sealed record Layer(string Name, int Neurons, int Spikes);

    sealed record Result(string Run, int Index, string Class, string Guess, IReadOnlyList<Layer> Layers, string Picture);

    internal static Command Make()
    {
        Command command = Examples.On(new("raster", "Draws the spikes of a recording in each layer of a spiking network, and the membranes of its output."),
            "dcls raster", "dcls raster --run runs/spoken-digits-1 --index 17 --to seven.svg");
        foreach (Option option in (ReadOnlySpan<Option>)[index, file, Options.Run, Options.Checkpoint, Options.Data, Options.Out, Options.Threads, Options.Device, Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(Draw);
        return command;
    }

    static int Draw(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        using Device device = Options.OpenDevice(parsed, terminal);
        RunFolder run = Runs.Find(parsed.GetValue(Options.Run), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        (ILayer model, ParameterStore store) = Runs.Load(run, config, parsed.GetValue(Options.Checkpoint) ?? "last", device);
        using (store)
        {
            if (model is not ISpiking net) throw new WrongInputException($"{run.Path} holds {config.Model}, which does not spike; give the run of a spiking network, such as one of spoken-digits");
            IDataset test = Runs.Data(run, config, parsed.GetValue(Options.Data)).Test;
            int recording = parsed.GetValue(index) ?? 0;
            if (recording >= test.Count) throw new WrongInputException($"--index must be below the {test.Count:n0} recordings of the test set, got {recording}");
            if (test.Sample.Rank != 2 || test.Sample[1] != config.Sample[1])
                throw new WrongInputException($"the run takes sequences {Shape.Create(config.Sample)}, the data has {test.Sample}; give the data it was trained on");
            if (!Fonts.Present) Terminal.Warn($"fonts: {Fonts.Remedy}");
            Raster raster = Raster.Of(net, config, test, recording, device);
            string path = parsed.GetValue(file)!;
            raster.Write(path);
            Result r = new(run.Path, recording, config.Classes[raster.Class], config.Classes[raster.Guess],
                [.. raster.Layers.Select(static l => new Layer(l.Name, l.Neurons, l.Spikes.Count(static s => s != 0)))], path);
            terminal.Emit(r);
            terminal.Say($"recording {recording} is {r.Class}, taken for {r.Guess}; picture {path}");
            foreach (Layer l in r.Layers) terminal.Say($"  {l.Name,-12} {l.Spikes,8:n0} spikes of {l.Neurons}");
        }
        return ExitCode.Done;
    }
}
