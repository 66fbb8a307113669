using System.Text.Json.Serialization;
using MiniTorch.Models.Bench;

namespace MiniTorch.Perf;

/// <summary>One work item, both sides: a line of perf/history/*.versus.jsonl. Times are medians of alternating turns, in ms; memory in MB (10⁶ bytes), of training steps.</summary>
sealed record Row
{
    const double LikeTheTable = 1.3;

    public required string Name { get; init; }
    public required string Shape { get; init; }
    public required double OursMs { get; init; }
    public double OursMinMs { get; init; }

    /// <summary>The published formulation on contiguous tensors; null in summaries.</summary>
    public double? OfficialMs { get; init; }

    /// <summary>The same on channels-last tensors; null where there is only one layout.</summary>
    public double? BestLayoutMs { get; init; }

    /// <summary>The fastest formulation found, and which it was.</summary>
    public required double BestMs { get; init; }
    public double BestMinMs { get; init; }
    public required string BestForm { get; init; }
    public double OursToBest => Rounded(OursMs / BestMs);
    public double? OursToBestLayout => Rounded(OursMs / BestLayoutMs);
    public double? OursToOfficial => Rounded(OursMs / OfficialMs);
    public double BoundMs { get; init; }
    public double OfBound => Rounded(BoundMs / OursMs);

    /// <summary>The peer's best on 2 idle cores of an AMD EPYC (Zen 3); null if unknown.</summary>
    public double? PeerTableMs { get; init; }

    /// <summary>False if the peer was more than 1.3 times slower than there: then the row does not count on a machine like that.</summary>
    public bool? PeerAsFast => PeerTableMs is { } table ? BestMs <= LikeTheTable * table : null;
    public double? OursMb { get; init; }
    public double? OursPoolMb { get; init; }
    public double? OfficialMb { get; init; }
    public double? BestLayoutMb { get; init; }
    public double? BestMb { get; init; }
    public int Pairs { get; init; }

    /// <summary>Median times of every formulation, those that dropped out after a few turns too.</summary>
    public IReadOnlyDictionary<string, double>? FormsMs { get; init; }

    public string? Date { get; init; }
    public string? Commit { get; init; }
    public string? Cpu { get; init; }
    public int Threads { get; init; }
    public double PeakGflops { get; init; }
    public double GbPerS { get; init; }

    /// <summary>Processes that wanted to run, on average over the minute before.</summary>
    public double LoadBefore { get; init; }

    [JsonIgnore]
    internal static string Header { get; }
        = $"{"work",-38}{"shape",-20}{"ours",10}{"official",10}{"layout",10}{"best",10}  {"best form",-28}{"/best",7}{"/layout",8}{"/official",10}{"bound",9}{"of bound",10}";

    /// <summary>A line of the table; * marks a peer too slow to count.</summary>
    internal string Line()
        => FormattableString.Invariant($"{Name,-38}{Shape,-20}{OursMs,10:0.000}{Text(OfficialMs),10}{Text(BestLayoutMs),10}{BestMs,10:0.000}")
            + FormattableString.Invariant($"{(PeerAsFast == false ? " *" : "  ")}{BestForm,-28}{OursToBest,7:0.00}{OursToBestLayout?.ToString("0.00") ?? "-",8}{OursToOfficial?.ToString("0.00") ?? "-",10}{BoundMs,9:0.000}{OfBound,10:0 %}");

    /// <summary>A line for memory, or null.</summary>
    internal string? MemoryLine() => OursMb is null ? null
        : FormattableString.Invariant($"{"  peak memory, MB",-58}{OursMb,10:0}{OfficialMb,10:0}{BestLayoutMb,10:0}{BestMb,10:0}  {$"(ours by its pool: {OursPoolMb:0})",-28}{OursMb / BestMb,7:0.00}{OursMb / BestLayoutMb,8:0.00}{OursMb / OfficialMb,10:0.00}");

    internal static double Rounded(double value) => Math.Round(value, 4);

    static double? Rounded(double? value) => value is { } v ? Math.Round(v, 4) : null;

    static string Text(double? ms) => ms is { } value ? FormattableString.Invariant($"{value:0.000}") : "-";

    /// <summary>All matrix products as one: geometric means of times and ratios, and the worst ratio; null if there are fewer than two.</summary>
    internal static Row? OfProducts(IReadOnlyList<Row> rows)
    {
        Row[] products = [.. rows.Where(static r => r.Name.StartsWith("gemm", StringComparison.Ordinal))];
        if (products.Length < 2) return null;
        Row worst = products.MaxBy(static r => r.OursToBest)!;
        return worst with
        {
            Name = "all products", Shape = $"{products.Length} of them", OursMs = Mean(static r => r.OursMs), BestMs = Mean(static r => r.BestMs), OfficialMs = Mean(static r => r.OfficialMs!.Value),
            OursMinMs = Mean(static r => r.OursMinMs), BestMinMs = Mean(static r => r.BestMinMs), BoundMs = Mean(static r => r.BoundMs), FormsMs = null,
            BestForm = FormattableString.Invariant($"worst {worst.OursToBest:0.00}: {worst.Name} {worst.Shape}"),
        };

        double Mean(Func<Row, double> of) => Rounded(Math.Exp(products.Average(r => Math.Log(of(r)))));
    }

    /// <summary>A row from the turns of its contenders.</summary>
    internal static Row Of(WorkItem item, Ceiling machine, Child ours, IReadOnlyList<Child> peers, IReadOnlyDictionary<string, double> forms, int pairs)
    {
        Child best = peers.MinBy(static p => Timing.Of(p.Times).MedianMs)!;
        Timing own = Timing.Of(ours.Times), fastest = Timing.Of(best.Times);
        bool memory = item.Name.EndsWith("train_step", StringComparison.Ordinal);
        return new()
        {
            Name = item.Name, Shape = item.Shape, OursMs = Rounded(own.MedianMs), OursMinMs = Rounded(own.MinMs), BestMs = Rounded(fastest.MedianMs), BestMinMs = Rounded(fastest.MinMs),
            BestForm = best.Form, OfficialMs = Of("official"), BestLayoutMs = Of("best_layout"), BoundMs = Rounded(item.Amount.BoundMs(machine)),
            PeerTableMs = item.PeerMs > 0 ? item.PeerMs : null, Pairs = pairs, FormsMs = forms.ToDictionary(static f => f.Key, static f => Rounded(f.Value)), PeakGflops = Math.Round(machine.Gflops, 1), GbPerS = Math.Round(machine.GigabytesPerSecond, 1),
            OursMb = Mb(ours), OursPoolMb = memory ? Math.Round(ours.Memory().Counted / 1e6) : null, BestMb = Mb(best), OfficialMb = Mb(Peer("official")), BestLayoutMb = Mb(Peer("best_layout")),
        };

        Child? Peer(string form) => peers.FirstOrDefault(p => p.Form == form);
        double? Of(string form) => Peer(form) is { } p ? Rounded(Timing.Of(p.Times).MedianMs) : null;
        double? Mb(Child? c) => memory && c is not null ? Math.Round(c.Memory().Resident / 1e6) : null;
    }
}
