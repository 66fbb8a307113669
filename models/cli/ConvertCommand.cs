using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls convert: weights from any file as safetensors, under the names that other programs know.</summary>
static class ConvertCommand
{
    const string Ending = ".safetensors";

    static readonly Argument<string> from = new("IN") { Description = "Weights: a checkpoint of a run, safetensors, .pth or .pth.tar." };
    static readonly Argument<string> to = new("OUT") { Description = $"File to write: {Ending}. A .pth is never written." };
    static readonly Option<string?> names = Options.OneOf("--names", "Under whose names (default: official).", "official", "timm");

    sealed record Result(string From, string To, string? Model, string Names, int Tensors, long Bytes);

    internal static Command Make()
    {
        Command command = Examples.On(new("convert", $"Writes weights as {Ending}: those of a model by name under official or timm's names, checked to be complete; without --model, a file as it is."),
            "dcls convert convnext_dcls_tiny_1k_224_ema.pth tiny.safetensors --model convnext_dcls_tiny", "dcls convert caformer_s18.pth s18.safetensors --model caformer_s18 --names timm",
            "dcls convert runs/fashion-1/best.safetensors best.safetensors", "dcls convert weights.pth weights.safetensors");
        command.Add(from);
        command.Add(to);
        foreach (Option option in (ReadOnlySpan<Option>)[NamedWeights.Model, names, NamedWeights.Classes, NamedWeights.ColumnsFirst, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(Convert);
        return command;
    }

    static int Convert(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        (string source, string target) = (parsed.GetValue(from)!, parsed.GetValue(to)!);
        if (Path.GetExtension(target) != Ending) throw new WrongInputException($"weights are written as {Ending}, got {target}");
        Options.ExpectFolderOf(target);
        string? asked = parsed.GetValue(names);
        (Safetensors file, string said, string? model) = Subject(parsed, source) is { } subject ? Checked(parsed, source, subject, asked ?? "official")
            : asked is null ? AsItIs(source) : throw new WrongInputException($"whose names {source} has is not known without its model; give it with --model");
        file.Metadata["source"] = Path.GetFileName(source);
        file.Write(target);
        Result r = new(source, target, model, asked ?? "official", file.Tensors.Count, new FileInfo(target).Length);
        terminal.Emit(r);
        terminal.Say($"{source}: {said}");
        terminal.Say($"{target}: {r.Tensors:n0} tensors, {r.Bytes:n0} bytes");
        return ExitCode.Done;
    }

    /// <summary>What the weights are of: the model that was named, or that of the run which wrote the file; null if neither is known.</summary>
    static NamedModel? Subject(ParseResult parsed, string source)
    {
        if (parsed.GetValue(NamedWeights.Model) is not null) return NamedWeights.Named(parsed);
        if (WeightFile.Read(source).RunConfig is not { } text) return null;
        try
        {
            RunConfig config = JsonSerializer.Deserialize<RunConfig>(text, RunJson.Indented)!;
            return new(config.Model, config.Sample, config.Network) { Classes = config.Classes.Length };
        }
        catch (JsonException e)
        {
            throw new WrongInputException($"the run that wrote {source} is not understood ({e.Message}); was it written by another version?", e);
        }
    }

    static (Safetensors File, string Said, string Model) Checked(ParseResult parsed, string source, NamedModel model, string program)
    {
        (_, ParameterStore store, PretrainedReport report) = NamedWeights.Load(parsed, model, source, Device.Cpu);
        using (store)
        {
            Safetensors file = Pretrained.Named(model.Network, store, program);
            (file.Metadata["model"], file.Metadata["names"]) = (model.Name, program);
            file.Metadata["classes"] = (parsed.GetValue(NamedWeights.Classes) ?? model.Classes).ToString(CultureInfo.InvariantCulture);
            return (file, report.ToString(), model.Name);
        }
    }

    static (Safetensors File, string Said, string? Model) AsItIs(string source)
    {
        WeightFile weights = WeightFile.Read(source);
        Safetensors file = new();
        foreach ((string name, StoredTensor tensor) in weights.Tensors) file.Tensors[name] = tensor;
        return (file, $"{weights.Format}{(weights.Part is null ? "" : $", {weights.Part}")}, names as they are", null);
    }
}
