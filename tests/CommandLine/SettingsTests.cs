using System.Text.Json;
using System.Text.Json.Nodes;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>Settings by name, from files, their schema, dry runs, learning by heart.</summary>
public sealed class SettingsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public SettingsTests() => SmallIdx.Write(folder.Path, 60, 20);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Config_resolves_recipe_file_options_and_settings_in_this_order()
    {
        File.WriteAllText(Path.Combine(folder.Path, "mine.json"), """
            {
                "model": "convnext_dcls_speck",        // a comment
                "network": { "dcls": { "count": 4 } },
                "training": { "batch": 7, "rate": 0.5, "epochs": 9, },
            }
            """);
        Outcome o = await Dcls.Run(folder.Path, "config --config mine.json --epochs 6 --lr 0.25 --set training.rate=0.125 network.dcls.size=9 --set training.optimizer=lamb");
        Assert.True(o.ExitCode == 0, o.Errors);
        JsonNode config = JsonNode.Parse(o.Output)!;
        JsonNode training = config["training"]!;
        Assert.Equal(("fashion", "convnext_dcls_speck", "lamb"), ((string?)config["recipe"], (string?)config["model"], (string?)training["optimizer"]));
        Assert.Equal((7, 0.125, 6), ((int)training["batch"]!, (double)training["rate"]!, (int)training["epochs"]!));
        Assert.Equal((4, 9, "v1"), ((int)config["network"]!["dcls"]!["count"]!, (int)config["network"]!["dcls"]!["size"]!, (string?)config["network"]!["dcls"]!["version"]));
        Assert.Equal(0.1, (double)training["label_smoothing"]!);            // the recipe's

        File.WriteAllText(Path.Combine(folder.Path, "again.json"), o.Output);
        Outcome again = await Dcls.Run(folder.Path, "config --config again.json");
        Assert.True(JsonNode.DeepEquals(config, JsonNode.Parse(again.Output)), again.Output);
    }

    [Theory]
    [InlineData("--set training.rat=1", "training has no setting 'rat'; it has epochs, batch")]
    [InlineData("--set speed=1", "a run has no setting 'speed'; it has network, training")]
    [InlineData("--set training.rate", "NAME=VALUE")]
    [InlineData("--set training.optimizer=best", "training.optimizer must be one of adam_w, adam, sgd, lamb")]
    [InlineData("--set training.rate=fast", "training.rate has a value of the wrong kind")]
    [InlineData("--set training.layer_decay=2", "decay from layer to layer must lie in (0, 1]")]
    [InlineData("--set training.sigma.initial=3", "training.sigma is not set")]
    [InlineData("--set network.kind=resnet", "not understood")]
    [InlineData("--config bad.json", "is no JSON")]
    [InlineData("--config list.json", "no JSON object")]
    [InlineData("--config other.json", "'speed' is unknown")]
    [InlineData("--config wrong.json", "training.speed is unknown")]
    [InlineData("--config missing.json", "missing.json")]
    public async Task What_cannot_be_set_is_one_line(string arguments, string message)
    {
        foreach ((string name, string text) in ((string, string)[])[("bad", "{"), ("list", "[]"), ("other", """{"speed": 1}"""), ("wrong", """{"training": {"speed": 1}}""")])
            File.WriteAllText(Path.Combine(folder.Path, name + ".json"), text);
        Outcome o = await Dcls.Run(folder.Path, $"train --data . {arguments}");
        Assert.True(o.ExitCode == 2 && o.Output.Length == 0, o.Output + o.Errors);
        Assert.Contains(message, Assert.Single(o.ErrorLines));
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "runs")));
    }

    /// <summary>Every setting that a run can have is in the schema, under its name, with its type.</summary>
    [Fact]
    public void The_schema_knows_every_setting()
    {
        JsonNode schema = Settings.Schema;
        foreach (Recipe recipe in Recipe.All)
        {
            JsonObject training = new Settings { Network = NamedModels.Of(recipe.Model).Network, Training = recipe.Training }.ToJson()["training"]!.AsObject();
            JsonObject known = schema["properties"]!["training"]!["properties"]!.AsObject();
            Assert.Equal(training.Select(static p => p.Key).Order(), known.Select(static p => p.Key).Order());
        }
        Assert.False((bool)schema["properties"]!["training"]!["additionalProperties"]!);
        Assert.Equal("integer", (string?)schema["properties"]!["training"]!["properties"]!["batch"]!["type"]);
        Assert.Equal(["adam_w", "adam", "sgd", "lamb"], schema["properties"]!["training"]!["properties"]!["optimizer"]!["enum"]!.AsArray().Select(static v => (string?)v));
    }

    [Fact]
    public async Task A_dry_run_tells_and_writes_nothing()
    {
        Outcome o = await Dcls.Run(folder.Path, "train --data . --model convnext_dcls_speck --batch 4 --accumulate 2 --epochs 3 --dry-run --json");
        JsonElement r = o.Json;
        Assert.Equal((56 / 8, 3 * (56 / 8)), (r.GetProperty("steps_per_epoch").GetInt32(), r.GetProperty("steps").GetInt32()));
        ModelSize size = (NamedModels.Of("convnext_dcls_speck") with { Sample = [SmallIdx.Side, SmallIdx.Side, 1], Classes = 10 }).Size();
        Assert.Equal((size.Parameters, size.Macs), (r.GetProperty("parameters").GetInt64(), r.GetProperty("macs").GetInt64()));
        Assert.InRange(r.GetProperty("first_loss").GetDouble(), 2, 3);          // ln 10 and a little
        Assert.True(r.GetProperty("peak_bytes").GetInt64() > 4 * size.Parameters && r.GetProperty("seconds_per_step").GetDouble() > 0);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "runs")));
    }

    [Fact]
    public async Task A_few_samples_are_learned_by_heart()
    {
        Outcome o = await Dcls.Run(folder.Path, "train --data . --model convnext_dcls_speck --overfit 12 --epochs 40 --json --threads 1");
        Assert.True(o.ExitCode == 0, o.Errors);
        JsonElement last = JsonDocument.Parse(o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement;
        Assert.Equal(1, last.GetProperty("test_accuracy").GetDouble());
        Outcome eval = await Dcls.Run(folder.Path, "eval --json");
        Assert.Equal(12, eval.Json.GetProperty("images").GetInt32());
        Outcome more = await Dcls.Run(folder.Path, "train --data . --overfit 61");
        Assert.Contains("more than the 60 training samples", Assert.Single(more.ErrorLines));
    }
}
