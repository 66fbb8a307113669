using System.Text.Json;
using System.Xml.Linq;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>A spiking network is trained on a small folder of recordings, looked at and exported.</summary>
public sealed class SpikingRunTests : IDisposable
{
    const int Window = 25;

    readonly TemporaryFolder folder = new();

    public SpikingRunTests()
    {
        foreach ((string part, int count) in ((string, int)[])[("train", 16), ("test", 4)])
        {
            RandomStream random = new(3, (uint)count);
            SpikeSample[] samples = [.. Enumerable.Range(0, count).Select(i => new SpikeSample(
                [.. Enumerable.Range(0, 150).Select(n => new Spike(0.002f * n, (ushort)(70 * (i % 2) + random.NextInt(70)))), new(0.3f, 0)], i % 2))];
            SpikeWriter.Write(Path.Combine(folder.Path, $"small_{part}.h5"), samples, ["low", "high"], 140);
        }
    }

    public void Dispose() => folder.Dispose();

    string In(params string[] names) => Path.Combine([folder.Path, .. names]);

    /// <summary>Delays (S − 1) / 2 − P, to the nearest step; those between two are left to the ties' own test.</summary>
    static int[] Counts(StoredTensor positions)
    {
        int[] counts = new int[Window];
        foreach (double p in positions.ToDoubles()) counts[(int)Math.Clamp(Math.Round((Window - 1) / 2.0 - p), 0, Window - 1)]++;
        return counts;
    }

    [Fact]
    public async Task Training_leaves_pictures_of_delays_and_spikes()
    {
        Outcome o = await Dcls.Run(folder.Path, "train spoken-digits --data . --batch 8 --epochs 2 --threads 1 --json");
        Assert.True(o.ExitCode == 0, o.Errors);
        string run = In("runs", "spoken-digits-1");
        Assert.Equal(["best.safetensors", "config.json", "curves.png", "delays.png", "delays.svg", "delays_over_epochs.png", "delays_over_epochs.svg", "last.safetensors", "metrics.jsonl", "raster.png", "raster.svg"],
            Directory.GetFiles(run).Select(Path.GetFileName).Where(static f => !f!.StartsWith("events.out.tfevents.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        foreach (string png in Directory.GetFiles(run, "*.png")) Assert.Equal([0x89, 0x50, 0x4e, 0x47], File.ReadAllBytes(png)[..4]);
        foreach (string svg in Directory.GetFiles(run, "*.svg")) Assert.Equal("svg", XDocument.Load(svg).Root!.Name.LocalName);
        Safetensors last = Safetensors.Read(Path.Combine(run, "last.safetensors"));
        JsonElement[] delays = [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(static l => JsonDocument.Parse(l).RootElement.GetProperty("delays"))];
        Assert.Equal(2, delays.Length);
        string[] layers = ["model.0", "model.4", "model.8"];
        for (int i = 0; i < layers.Length; i++)
            Assert.Equal(Counts(last.Tensors[$"model.{layers[i]}.P"]), delays[1][i].EnumerateArray().Select(static c => c.GetInt32()));

        Outcome raster = await Dcls.Run(folder.Path, "raster --run spoken-digits-1 --index 3 --to third.svg --json");
        JsonElement drawn = raster.Json;
        Assert.Equal(("high", 151), (drawn.GetProperty("class").GetString(), Said(3)));
        Assert.InRange(drawn.GetProperty("layers")[0].GetProperty("spikes").GetInt32(), 120, 151);
        Assert.Equal(["input", "layer 1", "layer 2", "output"], drawn.GetProperty("layers").EnumerateArray().Select(static l => l.GetProperty("name").GetString()));
        Assert.Equal("svg", XDocument.Load(In("third.svg")).Root!.Name.LocalName);

        Outcome export = await Dcls.Run(folder.Path, "export spoken-digits-1 --to digits.nir");
        Assert.True(export.ExitCode == 0, export.Errors);
        Assert.True(new FileInfo(In("digits.nir")).Length > 1000);
        foreach ((string arguments, string message) in ((string, string)[])
            [
                ("raster --index 4", "below the 4 recordings"), ("raster --to raster.bmp", ".png or .svg"), ("raster --to missing/raster.png", "missing"),
                ("export spoken-digits-1 --to digits.onyx", "written as .nir, .onnx, got digits.onyx"), ("export spoken-digits-1 --to missing/digits.nir", "there is no folder"),
                ("export spoken-digits-7 --to digits.nir", "there is no run"), ("export spoken-digits-1", "--to"),
            ])
        {
            Outcome wrong = await Dcls.Run(folder.Path, arguments);
            Assert.Equal(2, wrong.ExitCode);
            Assert.Contains(message, Assert.Single(wrong.ErrorLines));
        }

        int Said(int index)
        {
            using SpikeFile file = new(In("small_test.h5"));
            return file.Spikes(index).Length;
        }
    }

    [Theory]
    [InlineData("raster --run fashion-1", "does not spike")]
    [InlineData("export fashion-1 --to fashion.nir", "no network of spiking neurons")]
    public async Task A_run_that_does_not_spike_is_one_line(string arguments, string message)
    {
        SmallIdx.Write(folder.Path, 60, 20);
        Assert.Equal(0, (await Dcls.Run(folder.Path, "train --data . --model convnext_dcls_speck --batch 8 --epochs 1")).ExitCode);
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.Equal(2, o.ExitCode);
        Assert.Contains(message, Assert.Single(o.ErrorLines));
    }

    /// <summary>The delays of each epoch are the same to the last count where the training was stopped and went on.</summary>
    [Fact]
    public void Delays_of_each_epoch_go_on_where_they_were_left()
    {
        (string straight, string stopped) = (Metrics(int.MaxValue), Metrics(1));
        Assert.Equal(straight, stopped);
        Assert.Equal(3, straight.Split('\n').Length);

        string Metrics(int stopAfter)
        {
            using SpikeFile data = new(In("small_train.h5"));
            Recipe recipe = Recipe.Of("spoken-digits");
            TrainingOptions options = recipe.Training with { Epochs = 3, Batch = 8 };
            RunFolder run = RunFolder.Create(In("runs"), "delays", "{}");
            bool again = false;
            do
            {
                (ILayer net, ParameterStore store) = ParameterStore.Build(at => NamedModels.Of(recipe.Model).Network.Build(at, data.Sample, 2));
                using ParameterStore owner = store;
                using Trainer trainer = new(net, store, data, options);
                if (again) trainer.Resume(run);
                else trainer.Folder = run;
                using CancellationTokenSource stop = new();
                again = trainer.Run(p =>
                {
                    if (!again && p.Finished is null && p.Step > stopAfter) stop.Cancel();
                }, stop.Token).Interrupted;
            }
            while (again);
            return string.Join('\n', File.ReadLines(run.MetricsPath).Select(static l => JsonDocument.Parse(l).RootElement.GetProperty("delays").GetRawText()));
        }
    }

    [Fact]
    public async Task Delays_that_are_not_learned_are_drawn_too()
    {
        Outcome o = await Dcls.Run(folder.Path, "train spoken-digits-fixed --data . --batch 8 --epochs 1");
        Assert.True(o.ExitCode == 0, o.Errors);
        Assert.Equal(["delays.png", "delays.svg"], Directory.GetFiles(In("runs", "spoken-digits-fixed-1"), "delays*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
