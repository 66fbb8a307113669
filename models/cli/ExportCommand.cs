using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls export: the network of a run in the format of other programs, which the file's ending chooses.</summary>
static class ExportCommand
{
    const double DefaultFrame = 0.01;

    /// <summary>What writes each ending.</summary>
    static readonly Dictionary<string, Action<string, ILayer, RunConfig, ParseResult>> formats = new() { [".nir"] = Nir };

    static readonly Argument<string> name = new("RUN") { Description = "The run, its folder or its name." };
    static readonly Option<string> file = new("--to") { Description = $"File to write: {string.Join(", ", formats.Keys)}.", Required = true, HelpName = "FILE" };
    static readonly Option<double?> frame = Options.Number<double>("--frame", "Seconds of a step, for formats that count in them (default: 0.01).", "SECONDS", 1e-9);

    sealed record Result(string Run, string Checkpoint, string File, long Bytes);

    internal static Command Make()
    {
        Command command = Examples.On(new("export", "Writes the network of a run for other programs: .nir, the exchange format of spiking networks."),
            "dcls export runs/spoken-digits-1 --to digits.nir", "dcls export spoken-digits-1 --checkpoint best --to digits.nir");
        command.Add(name);
        foreach (Option option in (ReadOnlySpan<Option>)[file, frame, Options.Checkpoint, Options.Out, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(Export);
        return command;
    }

    static int Export(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string path = parsed.GetValue(file)!, checkpoint = parsed.GetValue(Options.Checkpoint) ?? "last";
        if (!formats.TryGetValue(Path.GetExtension(path), out Action<string, ILayer, RunConfig, ParseResult>? write))
            throw new WrongInputException($"a network is written as {string.Join(", ", formats.Keys)}, got {path}");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new WrongInputException($"there is no folder {folder} for {path}; make it first");
        RunFolder run = Runs.Find(parsed.GetValue(name), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        (ILayer model, ParameterStore store) = Runs.Load(run, config, checkpoint, Device.Cpu);
        using (store) write(path, model, config, parsed);
        Result r = new(run.Path, checkpoint, path, new FileInfo(path).Length);
        terminal.Emit(r);
        terminal.Say($"{run.Path}, checkpoint {checkpoint}: {path}, {r.Bytes:n0} bytes");
        return ExitCode.Done;
    }

    static void Nir(string path, ILayer model, RunConfig config, ParseResult parsed)
    {
        if (model is not SnnDelays net) throw new WrongInputException($"{config.Model} is no network of spiking neurons that .nir can hold; give the run of one, such as one of spoken-digits");
        NirFile.Write(path, net, parsed.GetValue(frame) ?? DefaultFrame);
    }
}
