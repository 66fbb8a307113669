using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>Weights of a file in the place of a run.</summary>
public sealed class WeightsTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public WeightsTests() => SmallIdx.Write(folder.Path, 60, 20);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_file_is_evaluated_asked_and_trained_on()
    {
        Outcome trained = await Dcls.Run(folder.Path, "train --data . --model convnext_dcls_speck --batch 8 --epochs 2 --threads 1");
        Assert.True(trained.ExitCode == 0, trained.Errors);
        const string weights = "runs/fashion-1/last.safetensors", file = "--model convnext_dcls_speck --weights " + weights;
        JsonElement run = Parsed(await Dcls.Run(folder.Path, "eval --json --confusion confusion.csv")), loose = Parsed(await Dcls.Run(folder.Path, $"eval {file} --data . --json"));
        foreach (string figure in (string[])["accuracy", "loss", "top_five", "images"]) Assert.Equal(run.GetProperty(figure).GetDouble(), loose.GetProperty(figure).GetDouble());
        Assert.Equal(run.GetProperty("per_class").GetRawText(), loose.GetProperty("per_class").GetRawText());
        AssertConfusion(run);

        SmallBitmap.Write(Path.Combine(folder.Path, "picture.bmp"), 10, 10, static (x, y) => (byte)(10 * x));
        File.WriteAllLines(Path.Combine(folder.Path, "names.txt"), Enumerable.Range(0, 10).Select(static i => $"class {i}"));
        JsonElement named = Parsed(await Dcls.Run(folder.Path, $"predict picture.bmp {file} --size 10 --class-names names.txt --json")), own = Parsed(await Dcls.Run(folder.Path, "predict picture.bmp --run fashion-1 --json"));
        Assert.StartsWith("class ", named.GetProperty("top")[0].GetProperty("class").GetString());
        Assert.Equal(own.GetProperty("top")[0].GetProperty("probability").GetDouble(), named.GetProperty("top")[0].GetProperty("probability").GetDouble());

        Outcome more = await Dcls.Run(folder.Path, $"train --data . {file} --new-head --batch 8 --epochs 1 --lr 1e-9 --set training.ema_decay=0 training.weight_decay=0");
        Assert.True(more.ExitCode == 0, more.Errors);
        Assert.Contains("head.bias, head.weight anew", more.Output);
        Safetensors before = Safetensors.Read(Path.Combine(folder.Path, weights)), after = Safetensors.Read(Path.Combine(folder.Path, "runs/fashion-2/last.safetensors"));
        IReadOnlyDictionary<string, StoredTensor> started = Trainer.Weights(before);            // the averaged ones
        Assert.True(Largest("stages.0.0.pwconv1.weight") < 1e-6 && Largest("head.weight") > 1e-3);

        double Largest(string name) => started[name].ToDoubles().Zip(after.Tensors["model." + name].ToDoubles(), static (a, b) => Math.Abs(a - b)).Max();
    }

    /// <summary>The table counts every sample once, the right ones on its diagonal.</summary>
    void AssertConfusion(JsonElement run)
    {
        int[][] rows = [.. File.ReadLines(Path.Combine(folder.Path, "confusion.csv")).Skip(1).Select(static l => l.Split(',').Skip(1).Select(int.Parse).ToArray())];
        Assert.Equal((20, 10), (rows.Sum(static r => r.Sum()), rows.Length));
        Assert.Equal(run.GetProperty("accuracy").GetDouble(), rows.Select(static (r, c) => r[c]).Sum() / 20.0);
        string[] names = File.ReadLines(Path.Combine(folder.Path, "confusion.csv")).First().Split(',')[1..];
        foreach (JsonElement m in run.GetProperty("mistakes").EnumerateArray())
            Assert.Equal(m.GetProperty("count").GetInt32(), rows[Array.IndexOf(names, m.GetProperty("class").GetString())][Array.IndexOf(names, m.GetProperty("taken_for").GetString())]);
    }

    [Theory]
    [InlineData("eval --model convnext_speck", "--model and --weights go together")]
    [InlineData("eval --model convnext_speck --weights missing.pth --data .", "missing.pth")]
    [InlineData("eval --model convnext_speck --weights names.txt --data .", "names.txt")]
    [InlineData("eval --size 32", "--size goes with --model and --weights")]
    [InlineData("eval --run fashion-1 --model convnext_speck --weights names.txt", "fashion-1 names a run")]
    [InlineData("eval --confusion missing/c.png", "missing")]
    [InlineData("eval --confusion c.txt", ".csv, got c.txt")]
    [InlineData("train --new-head", "--new-head goes with --weights")]
    [InlineData("train --size 64", "have a size of their own")]
    [InlineData("train pictures", "pictures needs a folder")]
    [InlineData("train imagenet-convnext --data missing", "missing")]
    public async Task Wrong_input_is_one_line(string arguments, string message)
    {
        File.WriteAllText(Path.Combine(folder.Path, "names.txt"), "no weights");
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.True(o.ExitCode == 2 && o.Output.Length == 0, o.Output + o.Errors);
        Assert.Contains(message, Assert.Single(o.ErrorLines));
    }

    static JsonElement Parsed(Outcome o)
    {
        return o.Json;
    }
}
