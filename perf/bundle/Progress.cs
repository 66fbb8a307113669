using System.Diagnostics;
using System.Globalization;

namespace MiniTorch.Bundle;

/// <summary>Tells what a step is doing and how long it has been at it: on a terminal in one line that moves, elsewhere in a line now and then.</summary>
sealed class Progress : IDisposable
{
    static readonly TimeSpan often = TimeSpan.FromSeconds(0.5), seldom = TimeSpan.FromSeconds(15);

    readonly Stopwatch clock = Stopwatch.StartNew();
    readonly Timer timer;
    readonly string step;

    internal Progress(string step, TimeSpan limit)
    {
        (this.step, Limit) = (step, limit);
        TimeSpan every = Console.IsOutputRedirected ? seldom : often;
        timer = new(_ => Tell(), null, every, every);
    }

    /// <summary>What is being done: 31 of 1400.</summary>
    internal string Now { get; set; } = "starting";

    internal TimeSpan Limit { get; }

    internal double Seconds => clock.Elapsed.TotalSeconds;

    public void Dispose()
    {
        using ManualResetEvent told = new(false);
        if (timer.Dispose(told)) told.WaitOne();
        if (!Console.IsOutputRedirected) Console.Write("\r\e[K");
    }

    void Tell()
    {
        string line = string.Create(CultureInfo.InvariantCulture, $"{step,-10}{Now}, {Seconds:0} s of at most {Limit.TotalSeconds:0} s");
        if (Console.IsOutputRedirected) Console.WriteLine(line);
        else Console.Write($"\r{line}\e[K");
    }
}
