using System.Diagnostics;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls train --dry-run: what would be trained, and a few updates to see that they work and what they take. Nothing is written.</summary>
static class DryRun
{
    const int Updates = 3;          // the first is not timed: it makes what lasts

    sealed record Result(string Recipe, string Model, int[] Sample, int Classes, int TrainingSamples, int TestSamples, long Parameters, long Macs, int StepsPerEpoch, int Steps, double FirstLoss,
        double SecondsPerStep, double ImagesPerSecond, long PeakBytes, double SecondsInAll);

    internal static int Show(Terminal terminal, RunConfig config, ParameterStore store, Trainer trainer, IDataset train, IDataset test)
    {
        ModelSize size = new NamedModel(config.Model, config.Sample, config.Network) { Classes = config.Classes.Length }.Size();
        using CancellationTokenSource stop = new();
        Stopwatch watch = new();
        int updates = 0;
        double firstLoss = 0;
        trainer.Run(p =>
        {
            if (p.Finished is not null) return;
            if (++updates == 1)
            {
                firstLoss = p.Loss;
                watch.Start();
            }
            if (updates == Updates) stop.Cancel();
        }, stop.Token);
        watch.Stop();
        double seconds = updates > 1 ? watch.Elapsed.TotalSeconds / (updates - 1) : double.NaN;
        int samples = config.Training.Batch * config.Training.Accumulate, perEpoch = trainer.Steps / config.Training.Epochs;
        Result r = new(config.Recipe, config.Model, config.Sample, config.Classes.Length, train.Count, test.Count, size.Parameters, size.Macs, perEpoch, trainer.Steps, firstLoss, Math.Round(seconds, 5),
            Math.Round(samples / seconds, 1), store.Device.Pool.PeakBytes, Math.Round(seconds * trainer.Steps, 1));
        terminal.Emit(r);
        if (terminal.Json) return ExitCode.Done;
        TimeSpan all = TimeSpan.FromSeconds(r.SecondsInAll);
        SummaryCommand.Draw(terminal, r.Model, r.Sample, size.Layers);
        Line("model", $"{r.Model}, {r.Parameters:n0} parameters (shared ones once), {SummaryCommand.Short(r.Macs)} multiply-accumulates a sample");
        Line("samples", $"{Shape.Create(r.Sample)}, {r.Classes} classes; {r.TrainingSamples:n0} to train, {r.TestSamples:n0} held out");
        Line("update", $"{config.Training.Batch}{(config.Training.Accumulate > 1 ? $" x {config.Training.Accumulate}" : "")} samples, {config.Training.Optimizer}, first loss {r.FirstLoss:0.0000}");
        Line("steps", $"{r.Steps:n0} in {config.Training.Epochs} epochs of {r.StepsPerEpoch:n0}");
        Line("memory", $"{r.PeakBytes / 1048576.0:0.0} MiB at most");
        Line("time", $"{1e3 * r.SecondsPerStep:0.0} ms a step, {r.ImagesPerSecond:n0} samples/s; about {(int)all.TotalHours}:{all:mm\\:ss} in all, evaluations left out");
        terminal.Say("nothing was written; leave --dry-run out to train");
        return ExitCode.Done;

        void Line(string what, string text) => terminal.Say($"  {what,-10}{text}");
    }
}
