using System.CommandLine;
using System.Text.Json.Nodes;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls config: the settings that a training would have, or what settings there are.</summary>
static class ConfigCommand
{
    static readonly Option<bool> schema = new("--schema") { Description = "Print the JSON Schema of the settings instead, for editors and checks." };

    internal static Command Make()
    {
        Command command = Examples.On(new("config", "Prints the settings of a training as JSON, as dcls train --config takes them, without training."),
            "dcls config", "dcls config imagenet-convnext-dcls > mine.json", "dcls config shd --epochs 50 --set training.weight_decay=1e-4", "dcls config --schema > settings.schema.json");
        Request.AddTo(command);
        foreach (Option option in (ReadOnlySpan<Option>)[schema, Options.Debug]) command.Add(option);
        command.SetAction(static parsed =>
        {
            Console.Out.WriteLine((parsed.GetValue(schema) ? Settings.Schema : Resolved(Request.Of(parsed))).ToJsonString(RunJson.Indented));
            return ExitCode.Done;
        });
        return command;
    }

    static JsonObject Resolved(Request request)
    {
        JsonObject all = new() { ["recipe"] = request.Recipe.Name, ["model"] = request.Model.Name };
        foreach ((string name, JsonNode? value) in request.Settings.ToJson()) all[name] = value?.DeepClone();
        return all;
    }
}
