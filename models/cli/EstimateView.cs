using MiniTorch.Models.Profiling;

namespace MiniTorch.Cli;

/// <summary>What the words of an estimate say everywhere.</summary>
static class Estimates
{
    internal const string Warning = "estimate from the counters of an emulated GPU, no measurement: a roofline of each launch; latency, caches and the launching itself take no time in it";
}

/// <summary>
/// A profile of an emulated GPU as a table of estimates and counters. Instructions are those of warps, in millions; sectors and wavefronts stand beside the fewest possible (1.00
/// is none too many); the bound is what most of the row's time is limited by.
/// </summary>
static class EstimateView
{
    const int Biggest = 5;
    const double Million = 1e6;

    internal static void Show(Terminal terminal, ProfileTable table, int rows)
    {
        TimeUnit unit = TimeUnit.Microseconds;
        terminal.Say($"every µs below is an {Estimates.Warning}");
        TableLines.Draw(terminal, table, rows, unit, $"{"Minstr",10}{"Msectors",10}{"ideal",7}{"Mwaves",9}{"ideal",7}  {"bound",-9}{"peak MB",7}",
            static r => r.Counted is { } c ? Counters(c) + FormattableString.Invariant($"{r.PeakMb,7:0.0}") : "",
            FormattableString.Invariant($"{"",54}{table.PeakMb,7:0.0}"));
        GpuCounters all = table.Rows.Aggregate(default(GpuCounters), static (sum, r) => sum + (r.Counted ?? default));
        terminal.Say("");
        terminal.Say(FormattableString.Invariant($"estimate  {unit.Of(table.Ms):0.000} µs, of them {unit.Of(table.RestMs):0.000} µs copies from and to the host; {table.Rows.Sum(static r => r.Kernels)} kernels, {all.Launches} launches counted"));
        terminal.Say("bounds    " + string.Join(", ", Enum.GetValues<Bound>().Where(b => all.SecondsOf(b) > 0).OrderByDescending(all.SecondsOf).Select(b => FormattableString.Invariant($"{Name(b)} {Share(all.SecondsOf(b), all)}"))));
        terminal.Say(FormattableString.Invariant($"libraries {Share(all.UncountedSeconds, all)} of the kernels' time, with fills and copies: from operations and bytes, nothing was executed (*)"));
        terminal.Say(FormattableString.Invariant($"memory    {table.PeakMb:0.0} MB at most"));
        terminal.Say(TableLines.BiggestOf(table, Biggest, unit));
    }

    static string Counters(GpuCounters c) => FormattableString.Invariant(
        $"{c.WarpInstructions / Million,10:0.000}{c.GlobalSectors / Million,10:0.000}{Ratio(c.GlobalSectors, c.IdealGlobalSectors),7}{c.SharedWavefronts / Million,9:0.000}{Ratio(c.SharedWavefronts, c.IdealSharedWavefronts),7}  {Name(c.Bound) + (2 * c.UncountedSeconds > c.Seconds ? "*" : ""),-9}");

    /// <summary>What is executed to the fewest possible; nothing where there is none.</summary>
    static string Ratio(long count, long ideal) => ideal == 0 ? "-" : FormattableString.Invariant($"{(double)count / ideal:0.00}");

    static string Share(double seconds, GpuCounters all) => FormattableString.Invariant($"{100 * seconds / all.Seconds:0} %");

    static string Name(Bound bound) => bound switch { Bound.Issue => "issue", Bound.Fma => "FMA", Bound.Shared => "shared", Bound.Matrix => "mma", _ => "bytes" };
}
