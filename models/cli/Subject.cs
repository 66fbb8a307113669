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
    static readonly Option<string?> classNames = new("--class-names") { Description = "With --model: names of its classes, a line each, in order (default: those of the data, or numbers).", HelpName = "FILE" };

    static readonly Option[] ofFile = [classNames, NamedWeights.Classes, NamedWeights.ColumnsFirst, Options.Size];

    /// <summary>Gives a command the options that say which network; a run is an option too, unless the command has an argument for it.</summary>
    internal static void AddTo(Command command, bool runIsArgument = false)
    {
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Run, Options.Checkpoint, NamedWeights.Model, NamedWeights.File, .. ofFile, Options.Out])
            if (option != Options.Run || !runIsArgument) command.Add(option);
    }

    /// <summary>The network that is asked for, and the samples of its data that it was not trained on if the command has use for them: of a folder, or its own.</summary>
    internal static Subject Open(ParseResult parsed, string? run, Device device, Terminal terminal, bool withData)
    {
        string? named = parsed.GetValue(NamedWeights.Model), file = parsed.GetValue(NamedWeights.File);
        if ((named is null) != (file is null)) throw new WrongInputException("--model and --weights go together: a model by name, and the file of its weights");
        if (named is null && FirstGiven(parsed, ofFile) is { } stray) throw new WrongInputException($"{stray} goes with --model and --weights; a run has its own");
        if (named is not null && (run ?? FirstGiven(parsed, Options.Checkpoint)) is { } other) throw new WrongInputException($"{other} names a run, --model another network; give one of them");
        return file is null ? OfRun(parsed, run, device, withData) : OfFile(parsed, NamedWeights.Named(parsed), file, device, terminal, withData);
    }

    /// <summary>True if the weights are of a file.</summary>
    internal bool IsOfFile => Config.Weights == Checkpoint;

    public void Dispose() => Store.Dispose();

    static Subject OfRun(ParseResult parsed, string? name, Device device, bool withData)
    {
        RunFolder run = Runs.Find(name, parsed.GetValue(Options.Out)!);
        RunConfig config = Runs.Config(run);
        string checkpoint = parsed.GetValue(Options.Checkpoint) ?? "last";
        IDataset? test = withData ? Runs.Data(run, config, parsed.GetValue(Options.Data)).Test : null;
        (ILayer net, ParameterStore store) = Runs.Load(run, config, checkpoint, device);
        return new(run.Path, checkpoint, config, net, store, test);
    }

    static Subject OfFile(ParseResult parsed, NamedModel named, string file, Device device, Terminal terminal, bool withData)
    {
        Recipe? recipe = Recipe.For(named);
        if (recipe is null && withData) throw new WrongInputException($"no recipe prepares samples {Shape.Create(named.Sample)} for {named.Name}; choose another model");
        string? folder = withData ? parsed.GetValue(Options.Data) : null;
        int? size = parsed.GetValue(Options.Size);
        IDataset? test = withData ? recipe!.Data(folder, size).Test : null;
        int[] sample = test?.Sample.Dims.ToArray() ?? (size is { } side ? [side, side, .. named.Sample[2..]] : named.Sample);
        int? count = parsed.GetValue(NamedWeights.Classes) ?? test?.Classes.Count;
        string[] names = parsed.GetValue(classNames) is { } list ? [.. File.ReadLines(list).Where(static l => l.Length > 0)]
            : test is not null ? [.. test.Classes] : [.. Enumerable.Range(0, count ?? named.Classes).Select(static i => i.ToString())];
        if (names.Length != (count ?? names.Length)) throw new WrongInputException($"there are names of {names.Length} classes, but {count} classes");
        (ILayer net, ParameterStore store, PretrainedReport report) = NamedWeights.Load(parsed, named with { Sample = sample, Classes = names.Length }, file, device);
        terminal.Say($"{file}: {report}");
        RunConfig config = new()
        {
            Recipe = recipe?.Name ?? "", Model = named.Name, Network = report.Network, Sample = sample, Classes = names, Data = folder, Size = size, Weights = file, Training = recipe?.Training ?? new(),
        };
        return new(named.Name, file, config, net, store, test);
    }

    static string? FirstGiven(ParseResult parsed, params Option[] options) => options.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false })?.Name;
}
