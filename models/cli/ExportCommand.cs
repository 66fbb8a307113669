using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls export: the network of a run, or a model by name with the weights of a file, in the format of other programs, which the file's ending chooses.</summary>
static class ExportCommand
{
    const double DefaultFrame = 0.01;
    static readonly double[] imageNetMean = [0.485, 0.456, 0.406], imageNetDeviation = [0.229, 0.224, 0.225];

    /// <summary>A network with its weights, and what is known about its inputs and outputs.</summary>
    sealed record Subject(string Name, string Source, ILayer Model, ParameterStore Store, Shape Sample, double[] Mean, double[] Deviation, IReadOnlyList<string>? Classes);

    /// <summary>What writes each ending.</summary>
    static readonly Dictionary<string, Action<string, Subject, ParseResult>> formats = new() { [".nir"] = Nir, [".onnx"] = Onnx };

    static readonly Argument<string?> name = new("RUN") { Description = "The run, its folder or its name; or else --model and --weights.", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<string> file = new("--to") { Description = $"File to write: {string.Join(", ", formats.Keys)}.", Required = true, HelpName = "FILE" };
    static readonly Option<double?> frame = Options.Number<double>("--frame", "Seconds of a step, for formats that count in them (default: 0.01).", "SECONDS", 1e-9);

    sealed record Result(string? Run, string? Checkpoint, string? Model, string? Weights, string File, long Bytes);

    internal static Command Make()
    {
        Command command = Examples.On(new("export", "Writes a network for other programs: .onnx of images, DCLS layers as ordinary convolutions; .nir, the exchange format of spiking networks."),
            "dcls export runs/fashion-1 --checkpoint best --to fashion.onnx", "dcls export --model convnext_dcls_tiny --weights convnext_dcls_tiny_1k_224_ema.pth --to tiny.onnx",
            "dcls export runs/spoken-digits-1 --to digits.nir");
        command.Add(name);
        foreach (Option option in (ReadOnlySpan<Option>)[file, NamedWeights.Model, NamedWeights.File, NamedWeights.Classes, NamedWeights.ColumnsFirst, frame, Options.Checkpoint, Options.Out, Options.Json, Options.Debug])
            command.Add(option);
        command.SetAction(Export);
        return command;
    }

    static int Export(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string path = parsed.GetValue(file)!;
        if (!formats.TryGetValue(Path.GetExtension(path), out Action<string, Subject, ParseResult>? write))
            throw new WrongInputException($"a network is written as {string.Join(", ", formats.Keys)}, got {path}");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new WrongInputException($"there is no folder {folder} for {path}; make it first");
        bool named = parsed.GetValue(NamedWeights.Model) is not null || parsed.GetValue(NamedWeights.File) is not null;
        if (named == (parsed.GetValue(name) is not null)) throw new WrongInputException("give either a run or --model and --weights");
        return named ? OfModel(terminal, parsed, path, write) : OfRun(terminal, parsed, path, write);
    }

    static int OfRun(Terminal terminal, ParseResult parsed, string path, Action<string, Subject, ParseResult> write)
    {
        string checkpoint = parsed.GetValue(Options.Checkpoint) ?? "last";
        RunFolder run = Runs.Find(parsed.GetValue(name), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        (ILayer model, ParameterStore store) = Runs.Load(run, config, checkpoint, Device.Cpu);
        using (store)
            write(path, new(config.Model, Path.GetFileName(run.Path), model, store, Shape.Create(config.Sample), [config.Training.Mean], [config.Training.Deviation], config.Classes), parsed);
        return Done(terminal, $"{run.Path}, checkpoint {checkpoint}", new(run.Path, checkpoint, null, null, path, new FileInfo(path).Length));
    }

    static int OfModel(Terminal terminal, ParseResult parsed, string path, Action<string, Subject, ParseResult> write)
    {
        NamedModel named = NamedWeights.Named(parsed);
        string weights = parsed.GetValue(NamedWeights.File) ?? throw new WrongInputException($"give the weights of {named.Name} with --weights");
        (ILayer model, ParameterStore store, PretrainedReport report) = NamedWeights.Load(parsed, named, weights, Device.Cpu);
        using (store) write(path, new(named.Name, Path.GetFileName(weights), model, store, Shape.Create(named.Sample), imageNetMean, imageNetDeviation, null), parsed);
        return Done(terminal, $"{named.Name}, {report}", new(null, null, named.Name, weights, path, new FileInfo(path).Length));
    }

    static int Done(Terminal terminal, string what, Result r)
    {
        terminal.Emit(r);
        terminal.Say($"{what}: {r.File}, {r.Bytes:n0} bytes");
        return ExitCode.Done;
    }

    static void Nir(string path, Subject subject, ParseResult parsed)
    {
        if (subject.Model is not SnnDelays net) throw new WrongInputException($"{subject.Name} is no network of spiking neurons that .nir can hold; give the run of one, such as one of spoken-digits");
        NirFile.Write(path, net, parsed.GetValue(frame) ?? DefaultFrame);
    }

    static void Onnx(string path, Subject subject, ParseResult parsed)
    {
        if (subject.Sample.Rank != 3) throw new WrongInputException($"{subject.Name} takes sequences, .onnx is for networks of images; write .nir");
        Dictionary<string, string> metadata = new() { ["model"] = subject.Name, ["source"] = subject.Source };
        if (subject.Classes is { } classes) metadata["classes"] = JsonSerializer.Serialize(classes);
        if (subject.Sample[2] is 1 or 3)
        {
            (metadata["mean"], metadata["deviation"]) = (Numbers(subject.Mean), Numbers(subject.Deviation));
            metadata["normalisation"] = "outside the graph: give it (value - mean) / deviation of each channel, values from 0 to 1";
        }
        OnnxFile.Write(path, subject.Model, subject.Store, subject.Sample, subject.Name, metadata);
    }

    static string Numbers(double[] values) => string.Join(", ", values.Select(static v => v.ToString("R", CultureInfo.InvariantCulture)));
}
