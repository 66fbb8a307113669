using System.Diagnostics;
using MiniTorch.Models.Bench;

namespace MiniTorch.Perf;

/// <summary>What is going on and how long the rest may take, on standard error: a line that moves in a terminal, a line for each work item elsewhere.</summary>
sealed class Status
{
    const double Overhead = 4000, TypicalMs = 20;      // of a work item beside its turns; of a repetition where the peer's time is not known

    readonly Stopwatch clock = Stopwatch.StartNew();
    double ahead, behind, present;
    string prefix = "";
    bool shown;

    /// <summary>The next item; its share of the time is guessed from the peer's.</summary>
    internal void Begin(WorkItem item, IReadOnlyList<WorkItem> all)
    {
        behind += present;
        present = Weight(item);
        ahead = all.Sum(Weight) - behind;
        int index = 1;
        while (all[index - 1] != item) index++;
        string left = behind == 0 ? "" : FormattableString.Invariant($" ETA {TimeSpan.FromSeconds(Math.Round(clock.Elapsed.TotalSeconds / behind * ahead)):g}");
        prefix = $"[{index}/{all.Count}{left}] {item}";
        if (Console.IsErrorRedirected) Console.Error.WriteLine(prefix);
    }

    /// <summary>A part of it.</summary>
    internal void Say(string what)
    {
        if (Console.IsErrorRedirected) return;
        Console.Error.Write($"\r{prefix}: {what}\e[K");
        shown = true;
    }

    /// <summary>Makes room for other output.</summary>
    internal void End()
    {
        if (shown) Console.Error.Write("\r\e[K");
        shown = false;
    }

    static double Weight(WorkItem item) => Overhead + 60 * (item.PeerMs > 0 ? item.PeerMs : TypicalMs);
}
