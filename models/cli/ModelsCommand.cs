using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls models: the models that can be asked for by name, and how large they are.</summary>
static class ModelsCommand
{
    sealed record Result(string Name, long Parameters, long Macs, int[] Input);

    internal static Command Make()
    {
        Command command = Examples.On(new("models", "Lists the models that can be asked for by name, with parameters, multiply-accumulates of one input, and its shape (height, width, channels)."),
            "dcls models", "dcls models --json");
        foreach (Option option in (ReadOnlySpan<Option>)[Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(List);
        return command;
    }

    static int List(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        int width = NamedModels.All.Max(static m => m.Name.Length) + 2;
        if (!terminal.Json) terminal.Say($"{"name".PadRight(width)}{"parameters",12}{"GMACs",10}  input");
        foreach (NamedModel model in NamedModels.All)
        {
            ModelSize size = model.Size();
            terminal.Emit(new Result(model.Name, size.Parameters, size.Macs, model.Sample));
            if (!terminal.Json) terminal.Say(FormattableString.Invariant($"{model.Name.PadRight(width)}{size.Parameters,12:n0}{size.Macs / 1e9,10:0.000}  {string.Join('x', model.Sample)}"));
        }
        return ExitCode.Done;
    }
}
