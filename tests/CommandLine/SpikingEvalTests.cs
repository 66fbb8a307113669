using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>Runs on spikes, evaluated from the command line; and wrong data.</summary>
public sealed class SpikingEvalTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_is_evaluated_with_jitter_and_noise_and_on_other_recordings()
    {
        Outcome trained = await Dcls.Run(folder.Path, "train two-spikes --json --threads 1");
        Assert.True(trained.ExitCode == 0, trained.Errors);
        JsonElement findings = JsonDocument.Parse(trained.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement.GetProperty("findings");
        Assert.All(TwoSpikes.Differences, d => Assert.Equal(d, findings.GetProperty($"delays of {d} steps").GetDouble(), 0.25));
        double clean = await Accuracy("eval --json"), shaken = await Accuracy("eval --jitter 6 --json"), noisy = await Accuracy("eval --noise 0.2 --json");
        Assert.Equal(1, clean);
        Assert.InRange(shaken, 0.2, 0.9);
        Assert.InRange(noisy, 0.2, 0.9);

        SpikeWriter.Write(Path.Combine(folder.Path, "others.h5"), [new([new(0.1f, 0), new(0.13f, 1)], 0, 0), new([new(0.2f, 0), new(0.27f, 1)], 1, 0)], [.. new TwoSpikes(0).Classes], 2);
        Assert.Equal(1, await Accuracy("eval --on others.h5 --json"));
        SpikeWriter.Write(Path.Combine(folder.Path, "foreign.h5"), [new([new(0.1f, 0)], 0, 0)], ["a", "b"], 2);
        Outcome foreign = await Dcls.Run(folder.Path, "eval --on foreign.h5");
        Assert.Equal(2, foreign.ExitCode);
        Assert.Contains("has the classes a, b, the run 3 steps", foreign.Errors);
    }

    [Fact]
    public async Task What_is_for_spikes_is_refused_for_images()
    {
        SmallIdx.Write(folder.Path, 40, 20);
        Outcome trained = await Dcls.Run(folder.Path, "train --data . --model convnext_dcls_speck --batch 8 --epochs 1 --threads 1");
        Assert.True(trained.ExitCode == 0, trained.Errors);
        Outcome jitter = await Dcls.Run(folder.Path, "eval --jitter 1"), on = await Dcls.Run(folder.Path, "eval --on spikes.h5");
        Assert.Equal((2, 2), (jitter.ExitCode, on.ExitCode));
        Assert.Contains("--jitter and --noise are for runs on spikes", jitter.Errors);
        Assert.Contains("--on is for runs on spikes", on.Errors);
    }

    [Theory]
    [InlineData("train shd", "shd needs a folder with shd_train.h5 and shd_test.h5; give it with --data")]
    [InlineData("train gsc", "gsc needs the folder of the Speech Commands dataset; give it with --data")]
    [InlineData("train shd --data .", "has no file whose name ends with train.h5")]
    [InlineData("train two-spikes --data .", "two-spikes makes its own sequences; leave --data out")]
    [InlineData("train --model snn_delays_small", "a spiking network takes sequences [time, channels], got samples of [28, 28, 1]")]
    [InlineData("train spoken-digits --model convnext_speck", "got samples of [90, 140]")]
    public async Task Data_that_is_missing_or_does_not_fit_gets_one_line(string arguments, string expected)
    {
        Outcome o = await Dcls.Run(folder.Path, arguments);
        Assert.Equal(2, o.ExitCode);
        Assert.Contains(expected, o.Errors);
        Assert.Single(o.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    async Task<double> Accuracy(string arguments)
    {
        Outcome o = await Dcls.Run(folder.Path, arguments);
        return o.Json.GetProperty("accuracy").GetDouble();
    }
}
