using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>A model by name with the weights of a file: options that several commands have.</summary>
static class NamedWeights
{
    internal static Option<string?> Model { get; } = new("--model") { Description = "The model that the weights are of; dcls models lists the names.", HelpName = "NAME" };

    internal static Option<string?> File { get; } = new("--weights")
    {
        Description = "File of weights, in the place of a run with --model: a checkpoint, safetensors, .pth or .pth.tar, under official DCLS, facebook, sail, apple or timm names.", HelpName = "FILE",
    };

    internal static Option<int?> Classes { get; } = Options.Number<int>("--classes", "Number of classes of the weights (default: the model's usual one).", "N", 1);

    internal static Option<bool> ColumnsFirst { get; } = new("--columns-first")
    {
        Description = "For files of the official DCLS package of November 2022 to October 2023, version v0: the first row of P counts columns.",
    };

    /// <summary>The model that --model names.</summary>
    internal static NamedModel Named(ParseResult parsed)
        => NamedModels.Of(parsed.GetValue(Model) ?? throw new WrongInputException("which model the weights are of is not told by a file; give its name with --model, dcls models lists them"));

    /// <summary>It with the weights of a file.</summary>
    internal static (ILayer Model, ParameterStore Store, PretrainedReport Report) Load(ParseResult parsed, NamedModel model, string file, Device device)
        => Pretrained.Load(model.Network, Shape.Create(model.Sample), parsed.GetValue(Classes) ?? model.Classes, file, device, columnsFirst: parsed.GetValue(ColumnsFirst));
}
