using System.Diagnostics;
using System.Globalization;
using MiniTorch.Models;
using Spectre.Console;

namespace MiniTorch.Cli;

/// <summary>Shows a training: a bar that moves in a terminal, plain lines when piped; with --json each epoch's metrics as a line of JSON too.</summary>
sealed class ProgressView : IDisposable
{
    /// <summary>Makes every step last at least this many seconds: to try out what happens to a training that is stopped within a step.</summary>
    const string StepSecondsVariable = "DCLS_STEP_SECONDS";
    const int BarWidth = 12;            // a line of 80 characters holds the bar and the figures
    static readonly TimeSpan lineEvery = TimeSpan.FromSeconds(15);

    readonly Terminal terminal;
    readonly Action<object> emit;
    readonly int steps;
    readonly TimeSpan stepTime = TimeSpan.FromSeconds(double.TryParse(Environment.GetEnvironmentVariable(StepSecondsVariable), CultureInfo.InvariantCulture, out double s) ? s : 0);
    readonly ManualResetEventSlim over = new();
    readonly Stopwatch sinceLine = Stopwatch.StartNew();
    readonly Thread? painter;
    readonly Lock latest = new();
    readonly List<string> lines = [];
    TrainingProgress? shown;

    internal ProgressView(Terminal terminal, int steps, Action<object> emit)
    {
        (this.terminal, this.steps, this.emit) = (terminal, steps, emit);
        if (terminal.IsPiped) return;
        painter = new Thread(Paint) { IsBackground = true, Name = "dcls progress" };
        painter.Start();
    }

    /// <summary>Called after each update.</summary>
    internal void Show(TrainingProgress p)
    {
        if (p.Finished is { } m)
        {
            emit(m);
            string line = $"epoch {m.Epoch}/{p.Epochs}  loss {m.TrainLoss:0.0000}  accuracy {m.TrainAccuracy:0.0000}"
                + (m.ValidationAccuracy is { } v ? $"  held back {v:0.0000}" : "") + (m.TestAccuracy is { } t ? $"  test {t:0.0000}" : "") + $"  {m.ImagesPerSecond:0} images/s";
            if (painter is null) terminal.Say(line);
            else
                lock (latest) lines.Add(line);
            sinceLine.Restart();
        }
        else
        {
            lock (latest) shown = p;
            if (painter is null && sinceLine.Elapsed >= lineEvery)
            {
                terminal.Say(Status(p));
                sinceLine.Restart();
            }
            if (stepTime > TimeSpan.Zero) over.Wait(stepTime);
        }
    }

    public void Dispose()
    {
        over.Set();
        painter?.Join();
        over.Dispose();
    }

    void Paint() => terminal.Ansi.Progress().AutoClear(true)
        .Columns(new ProgressBarColumn { Width = BarWidth }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(Paint);

    void Paint(ProgressContext context)
    {
        ProgressTask task = context.AddTask("starting", maxValue: steps);
        for (bool ended = false; !ended;)
        {
            ended = over.Wait(200);
            lock (latest)
            {
                foreach (string line in lines) terminal.Ansi.WriteLine(line);
                lines.Clear();
                if (shown is null) continue;
                task.Value = shown.Step;
                task.Description = Markup.Escape(Status(shown));
            }
        }
    }

    static string Status(TrainingProgress p)
        => $"epoch {p.Epoch}/{p.Epochs} loss {p.Loss:0.000} accuracy {p.Accuracy:0.000} {p.ImagesPerSecond:0} images/s ETA {(int)p.Remaining.TotalMinutes}:{p.Remaining:ss}";
}
