using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>A trained network that a command looks at: that of a run, or a model by name with the weights of a file.</summary>
/// <param name="Name">What it is called when something is said of it.</param>
/// <param name="Checkpoint">Which weights of the run, or the file.</param>
/// <param name="Config">What it was made of and trained with, or would be.</param>
/// <param name="Model">The network.</param>
/// <param name="Store">Its parameters.</param>
/// <param name="Test">Samples it was not trained on; null where none were asked for.</param>
sealed record Subject(string Name, string Checkpoint, RunConfig Config, ILayer Model, ParameterStore Store, IDataset? Test) : IDisposable
{
    static readonly Option<string?> model = new("--model") { Description = "In the place of a run: a model by name (dcls models lists them), with the weights of a file.", HelpName = "MODEL" };
    static readonly Option<string?> weights = new("--weights")
    {
        Description = "With --model: the file of its weights: safetensors, a .pth of PyTorch or a checkpoint of a run, under official, facebook, timm, sail or apple names.", HelpName = "FILE",
    };
    static readonly Option<string?> classes = new("--classes") { Description = "With --model: names of its classes, a line each, in order (default: those of the data, or numbers).", HelpName = "FILE" };

    /// <summary>Gives a command the options that say which network.</summary>
    internal static void AddTo(Command command)
    {
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Run, Options.Checkpoint, model, weights, classes, Options.Size, Options.Out]) command.Add(option);
    }

    /// <summary>The network that is asked for, and the samples of its data that it was not trained on if the command has use for them: of a folder, or its own.</summary>
    internal static Subject Open(ParseResult parsed, Device device, Terminal terminal, bool withData)
    {
        string? named = parsed.GetValue(model), file = parsed.GetValue(weights);
        if ((named is null) != (file is null)) throw new WrongInputException("--model and --weights go together: a model by name, and the file of its weights");
        if (named is null && FirstGiven(parsed, classes, Options.Size) is { } stray) throw new WrongInputException($"{stray} goes with --model and --weights; a run has its own");
        if (named is not null && FirstGiven(parsed, Options.Run, Options.Checkpoint) is { } other) throw new WrongInputException($"{other} names a run, --model another network; give one of them");
        return named is null ? OfRun(parsed, device, withData) : OfFile(parsed, NamedModels.Of(named), file!, device, terminal, withData);
    }

    public void Dispose() => Store.Dispose();

    static Subject OfRun(ParseResult parsed, Device device, bool withData)
    {
        RunFolder run = Runs.Find(parsed.GetValue(Options.Run), parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        string checkpoint = parsed.GetValue(Options.Checkpoint) ?? "last";
        IDataset? test = withData ? Runs.Data(run, config, parsed.GetValue(Options.Data)).Test : null;
        (ILayer net, ParameterStore store) = Runs.Load(run, config, checkpoint, device);
        return new(run.Path, checkpoint, config, net, store, test);
    }

    static Subject OfFile(ParseResult parsed, NamedModel named, string file, Device device, Terminal terminal, bool withData)
    {
        Recipe recipe = Recipe.For(named) ?? throw new WrongInputException($"no recipe prepares samples {Shape.Create(named.Sample)} for {named.Name}; choose another model");
        string? folder = withData ? parsed.GetValue(Options.Data) : null;
        int? size = parsed.GetValue(Options.Size);
        IDataset? test = withData ? recipe.Data(folder, size).Test : null;
        int[] sample = test?.Sample.Dims.ToArray() ?? (size is { } side ? [side, side, .. named.Sample[2..]] : named.Sample);
        string[] names = parsed.GetValue(classes) is { } list ? [.. File.ReadLines(list).Where(static l => l.Length > 0)]
            : test is not null ? [.. test.Classes] : [.. Enumerable.Range(0, named.Classes).Select(static i => i.ToString())];
        if (test is not null && names.Length != test.Classes.Count) throw new WrongInputException($"{parsed.GetValue(classes)} names {names.Length} classes, the data has {test.Classes.Count}");
        (ILayer net, ParameterStore store, PretrainedReport report) = Pretrained.Load(named.Network, Shape.Create(sample), names.Length, file, device);
        terminal.Say($"{file}: {report}");
        RunConfig config = new()
        {
            Recipe = recipe.Name, Model = named.Name, Network = report.Network, Sample = sample, Classes = names, Data = folder, Size = size, Weights = file, Training = recipe.Training,
        };
        return new(named.Name, file, config, net, store, test);
    }

    static string? FirstGiven(ParseResult parsed, params Option[] options) => options.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false })?.Name;
}
