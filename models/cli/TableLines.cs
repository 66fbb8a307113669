using MiniTorch.Models.Profiling;

namespace MiniTorch.Cli;

/// <summary>What times are shown in, a number of it in a millisecond.</summary>
readonly record struct TimeUnit(string Name, double InMs)
{
    internal static readonly TimeUnit Milliseconds = new("ms", 1), Microseconds = new("µs", 1e3);

    /// <summary>A time of so many ms.</summary>
    internal double Of(double ms) => InMs * ms;
}

/// <summary>The lines that all profiles have in common: layer, op, phase, calls, time and share, and columns of their own behind them.</summary>
static class TableLines
{
    internal static void Draw(Terminal terminal, ProfileTable table, int rows, TimeUnit unit, string columns, Func<ProfileRow, string> cells, string totals)
    {
        ProfileRow[] shown = [.. table.Rows.Take(rows)], rest = [.. table.Rows.Skip(rows)];
        int layer = Math.Max(12, shown.Max(static r => r.Layer.Length)) + 2, op = Math.Max(8, shown.Max(static r => r.Op.Length)) + 2;
        string Line(string l, string o, string phase, string others) => l.PadRight(layer) + o.PadRight(op) + phase.PadRight(11) + others;
        terminal.Say("");
        terminal.Say(Line("layer", "op", "phase", $"{"calls",5}{unit.Name,11}{"%",7}") + columns);
        foreach (ProfileRow r in shown) terminal.Say(Line(r.Layer, r.Op, r.Phase, Time(r.Kernels == 0 ? null : r.Calls, [r], unit)) + (r.Kernels == 0 ? "" : cells(r)));
        if (rest.Length > 0) terminal.Say(Line($"{rest.Length} more", "", "", Time(rest.Sum(static r => r.Calls), rest, unit)));
        terminal.Say(Line("total", "", "", Time(table.Rows.Sum(static r => r.Calls), table.Rows, unit)) + totals);
    }

    /// <summary>The ops that took longest, in a line.</summary>
    internal static string BiggestOf(ProfileTable table, int count, TimeUnit unit)
        => "biggest   " + string.Join("; ", table.Biggest(count).Select(b => FormattableString.Invariant($"{b.Op} {b.Phase} {unit.Of(b.Ms):0.0} {unit.Name} ({100 * b.Ms / table.Ms:0} %)")));

    static string Time(int? calls, IReadOnlyList<ProfileRow> rows, TimeUnit unit)
        => FormattableString.Invariant($"{calls,5}{unit.Of(rows.Sum(static r => r.Ms)),11:0.000}{100 * rows.Sum(static r => r.Share),7:0.0}");
}
