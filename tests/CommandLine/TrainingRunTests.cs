using System.Diagnostics;
using System.Text.Json;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>The program trains, is stopped, killed, and goes on.</summary>
public sealed class TrainingRunTests : IDisposable
{
    const string Small = "train --data . --model convnext_dcls_speck --batch 8 --seed 3 --epochs ";

    readonly TemporaryFolder folder = new();

    public TrainingRunTests() => SmallIdx.Write(folder.Path, 60, 20);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Json_is_all_that_standard_output_carries_and_the_run_can_be_used()
    {
        Outcome o = await Dcls.Run(folder.Path, Small + "2 --json --threads 1");
        Assert.True(o.ExitCode == 0, o.Errors);
        JsonElement[] lines = [.. o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(["run", "epochs", "test_accuracy", "train_loss", "seconds", "images_per_second"], lines[^1].EnumerateObject().Select(static p => p.Name));
        string run = Path.Combine(folder.Path, lines[^1].GetProperty("run").GetString()!);
        Assert.Equal(["best.safetensors", "config.json", "curves.png", "last.safetensors", "metrics.jsonl", "positions.png", "positions.svg"], Directory.GetFiles(run).Select(Path.GetFileName).Where(static f => !f!.StartsWith("events.out.tfevents.", StringComparison.Ordinal)).Order());
        Assert.Single(Directory.GetFiles(run, "events.out.tfevents.*"));

        Outcome eval = await Dcls.Run(folder.Path, "eval --json");
        Assert.Equal(lines[^1].GetProperty("test_accuracy").GetDouble(), eval.Json.GetProperty("accuracy").GetDouble());

        SmallBitmap.Write(Path.Combine(folder.Path, "picture.bmp"), 20, 20, static (x, y) => (byte)(10 * x));
        Outcome predict = await Dcls.Run(folder.Path, "predict picture.bmp --top 2");
        Assert.True(predict.ExitCode == 0, predict.Errors);
        Assert.Contains("scaled from 20x20 to 10x10", predict.Output);
        Assert.Equal(2, predict.Output.Split('\n').Count(static l => l.Contains('%')));
    }

    [Fact]
    public async Task Killed_again_and_again_it_ends_as_if_nothing_had_happened()
    {
        Outcome whole = await Dcls.Run(folder.Path, Small + "4 --save-every 0 --threads 1");
        Assert.True(whole.ExitCode == 0, whole.Errors);
        string straight = Path.Combine(folder.Path, "runs", "fashion-1"), killed = Path.Combine(folder.Path, "runs", "fashion-2");
        RandomStream random = new(1, 1);
        foreach (string arguments in (string[])[Small + "4 --save-every 0", "train --resume runs/fashion-2"])
        {
            using Process process = Dcls.Start(folder.Path, arguments, ("DCLS_STEP_SECONDS", "0.05"));
            Assert.Contains("run runs/fashion-2", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            Assert.False(process.WaitForExit(100 + random.NextInt(800)));
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        Outcome rest = await Dcls.Run(folder.Path, "train --resume runs/fashion-2 --threads 2");
        Assert.True(rest.ExitCode == 0, rest.Errors);
        RunComparison.AssertEqual(straight, killed);
    }

    [Fact]
    public async Task Interrupted_within_a_long_step_it_saves_and_says_how_to_go_on()
    {
        using Process process = Dcls.Start(folder.Path, Small + "2", ("DCLS_STEP_SECONDS", "5"));
        Assert.Contains("run runs/fashion-1", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.False(process.WaitForExit(1000));
        Stopwatch watch = Stopwatch.StartNew();
        using (Process signal = Process.Start("kill", $"-INT {process.Id}")) await signal.WaitForExitAsync(TestContext.Current.CancellationToken);
        Outcome o = await Dcls.End(process);
        Assert.Equal(130, o.ExitCode);
        Assert.InRange(watch.Elapsed.TotalSeconds, 2.5, 60);       // longer than the library's own patience of 2 s
        Assert.Contains("dcls train --resume runs/fashion-1", Assert.Single(o.ErrorLines));
        Outcome rest = await Dcls.Run(folder.Path, "train --resume runs/fashion-1");
        Assert.True(rest.ExitCode == 0, rest.Errors);
    }

    [Fact]
    public async Task A_run_on_the_embedded_images_does_not_go_on_with_others()
    {
        using Process process = Dcls.Start(folder.Path, "train --model convnext_speck --epochs 1", ("DCLS_STEP_SECONDS", "5"));
        await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        while (!File.Exists(Path.Combine(folder.Path, "runs", "fashion-1", "last.safetensors"))) Assert.False(process.WaitForExit(20));
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Outcome o = await Dcls.Run(folder.Path, "train --resume fashion-1 --data .");
        Assert.Equal(2, o.ExitCode);
        Assert.Contains("leave --data out", Assert.Single(o.ErrorLines));
    }

    [Fact]
    public async Task Whether_kernels_follow_a_fixed_table_is_a_setting_of_the_run()
    {
        Outcome o = await Dcls.Run(folder.Path, Small + "1 --deterministic");
        Assert.True(o.ExitCode == 0, o.Errors);
        Assert.Contains("  training.deterministic: true instead of false\n", o.Output);
        string config = await File.ReadAllTextAsync(Path.Combine(folder.Path, "runs", "fashion-1", "config.json"), TestContext.Current.CancellationToken);
        Assert.True(JsonDocument.Parse(config).RootElement.GetProperty("training").GetProperty("deterministic").GetBoolean());
        Outcome again = await Dcls.Run(folder.Path, "train --resume fashion-1 --deterministic");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("--deterministic cannot be changed when a run goes on", Assert.Single(again.ErrorLines));
    }
}
