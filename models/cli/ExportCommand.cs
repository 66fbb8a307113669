using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls export: the network of a run, or a model by name with the weights of a file, in the format of other programs, which the file's ending chooses.</summary>
static class ExportCommand
{
    const double DefaultFrame = 0.01;

    /// <summary>What writes each ending.</summary>
    static readonly Dictionary<string, Action<string, Subject, ParseResult>> formats = new() { [".nir"] = Nir, [".onnx"] = Onnx };

    static readonly Argument<string?> name = new("RUN") { Description = "The run, its folder or its name; or else --model and --weights.", Arity = ArgumentArity.ZeroOrOne };
    static readonly Option<string> file = new("--to") { Description = $"File to write: {string.Join(", ", formats.Keys)}.", Required = true, HelpName = "FILE" };
    static readonly Option<double?> frame = Options.Number<double>("--frame", "Seconds of a step, for formats that count in them (default: 0.01).", "SECONDS", 1e-9);

    sealed record Result(string Name, string Checkpoint, string Model, string File, long Bytes);

    internal static Command Make()
    {
        Command command = Examples.On(new("export", "Writes a network for other programs: .onnx of images, DCLS layers as ordinary convolutions; .nir, the exchange format of spiking networks."),
            "dcls export runs/fashion-1 --checkpoint best --to fashion.onnx", "dcls export --model convnext_dcls_tiny --weights convnext_dcls_tiny_1k_224_ema.pth --to tiny.onnx",
            "dcls export runs/spoken-digits-1 --to digits.nir");
        command.Add(name);
        Subject.AddTo(command, runIsArgument: true);
        foreach (Option option in (ReadOnlySpan<Option>)[file, frame, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(Export);
        return command;
    }

    static int Export(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string path = parsed.GetValue(file)!;
        if (!formats.TryGetValue(Path.GetExtension(path), out Action<string, Subject, ParseResult>? write))
            throw new WrongInputException($"a network is written as {string.Join(", ", formats.Keys)}, got {path}");
        Options.ExpectFolderOf(path);
        if (parsed.GetValue(name) is null && parsed.GetValue(NamedWeights.Model) is null) throw new WrongInputException("give a run, or --model and --weights");
        using Subject subject = Subject.Open(parsed, parsed.GetValue(name), Device.Cpu, terminal, withData: false);
        write(path, subject, parsed);
        Result r = new(subject.Name, subject.Checkpoint, subject.Config.Model, path, new FileInfo(path).Length);
        terminal.Emit(r);
        terminal.Say($"{r.Name}, {r.Checkpoint}: {r.File}, {r.Bytes:n0} bytes");
        return ExitCode.Done;
    }

    static void Nir(string path, Subject subject, ParseResult parsed)
    {
        if (subject.Model is not SnnDelays net) throw new WrongInputException($"{subject.Name} is no network of spiking neurons that .nir can hold; give the run of one, such as one of spoken-digits");
        NirFile.Write(path, net, parsed.GetValue(frame) ?? DefaultFrame);
    }

    static void Onnx(string path, Subject subject, ParseResult parsed)
    {
        RunConfig config = subject.Config;
        Shape sample = Shape.Create(config.Sample);
        if (sample.Rank != 3) throw new WrongInputException($"{subject.Name} takes sequences, .onnx is for networks of images; write .nir");
        Dictionary<string, string> metadata = new() { ["model"] = config.Model, ["source"] = Path.GetFileName(subject.IsOfFile ? subject.Checkpoint : subject.Name), ["classes"] = JsonSerializer.Serialize(config.Classes) };
        if (sample[2] is 1 or 3)
        {
            (metadata["mean"], metadata["deviation"]) = (Numbers(config.Training.Mean), Numbers(config.Training.Deviation));
            metadata["normalisation"] = "outside the graph: give it (value - mean) / deviation of each channel, values from 0 to 1";
        }
        OnnxFile.Write(path, subject.Model, subject.Store, sample, config.Model, metadata);
    }

    static string Numbers(double[] values) => string.Join(", ", values.Select(static v => v.ToString("R", CultureInfo.InvariantCulture)));
}
