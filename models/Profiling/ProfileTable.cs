namespace MiniTorch.Models.Profiling;

/// <summary>What an op of a layer took in a phase; or, with layer <see cref="ProfileTable.Host"/>, the time of a phase that no kernel ran in.</summary>
/// <param name="Layer">Path of the layer.</param>
/// <param name="Op">The op.</param>
/// <param name="Phase">Part of the step.</param>
/// <param name="Calls">How often its forward or backward ran.</param>
/// <param name="Kernels">Launches.</param>
/// <param name="Ms">Time.</param>
/// <param name="Share">Time over that of the step.</param>
/// <param name="Gflop">Operations of products, in 10⁹.</param>
/// <param name="Gigabytes">Bytes read and written, in 10⁹.</param>
/// <param name="Roofline">Shortest possible time over time.</param>
/// <param name="PeakMb">Most memory in use while it ran, MiB.</param>
/// <param name="LiveMb">Memory in use when it last ended, MiB.</param>
sealed record ProfileRow(string Layer, string Op, string Phase, int Calls, int Kernels, double Ms, double Share, double Gflop, double Gigabytes, double Roofline, double PeakMb, double LiveMb)
{
    /// <summary>Operations a second, in 10⁹.</summary>
    internal double GflopPerSecond => Gflop / Ms * 1e3;

    /// <summary>Bytes a second, in 10⁹.</summary>
    internal double GigabytesPerSecond => Gigabytes / Ms * 1e3;
}

/// <summary>A profiled step by layer, op and phase, longest first. The rows together are the step: every kernel is in one of them, and what is left is the host's.</summary>
sealed record ProfileTable(IReadOnlyList<ProfileRow> Rows, double Ms, double KernelMs, double PeakMb)
{
    /// <summary>Stands where no kernel ran: the graph, memory, the code of the optimizer.</summary>
    internal const string Host = "(host)";

    /// <summary>Stands for kernels outside all layers.</summary>
    internal const string Outside = "(model)";

    const double Mebi = 1 << 20;

    /// <summary>The table of a step on a machine of this peak in flop/s and bandwidth in byte/s.</summary>
    internal static ProfileTable Of(StepProfile step, double peak, double bandwidth)
    {
        List<ProfileRow> rows = [];
        foreach (IGrouping<(string Layer, string Op, string Phase), KernelRun> g in step.Kernels.GroupBy(static k => (k.Layer, k.Op, k.Phase)))
        {
            double seconds = g.Sum(static k => k.Seconds), bound = g.Sum(k => k.Cost?.Bound(peak, bandwidth) ?? 0);
            rows.Add(new(g.Key.Layer.Length == 0 ? Outside : g.Key.Layer, g.Key.Op, g.Key.Phase, g.Select(static k => k.Call).Distinct().Count(), g.Count(), 1e3 * seconds, seconds / step.Seconds,
                1e-9 * g.Sum(static k => k.Cost?.Flops ?? 0), 1e-9 * g.Sum(static k => k.Cost?.Bytes ?? 0), seconds == 0 ? 0 : bound / seconds, g.Max(static k => k.PeakBytes) / Mebi,
                g.Last().LiveBytes / Mebi));
        }
        foreach (IGrouping<string, PhaseRun> g in step.Phases.GroupBy(static p => p.Name)) AddHost(g.Key, g.Sum(static p => p.Seconds));
        AddHost("", step.Seconds - step.Phases.Sum(static p => p.Seconds));
        return new([.. rows.OrderByDescending(static r => r.Ms)], 1e3 * step.Seconds, 1e3 * step.Kernels.Sum(static k => k.Seconds), step.PeakBytes / Mebi);

        void AddHost(string phase, double seconds)
        {
            double left = seconds - step.Kernels.Where(k => k.Phase == phase).Sum(static k => k.Seconds);
            rows.Add(new(Host, "", phase, 0, 0, 1e3 * left, left / step.Seconds, 0, 0, 0, 0, 0));
        }
    }

    /// <summary>Time that no kernel ran in.</summary>
    internal double HostMs => Ms - KernelMs;

    /// <summary>The ops that took longest, over all layers.</summary>
    internal IEnumerable<(string Op, string Phase, int Calls, double Ms)> Biggest(int count)
        => Rows.Where(static r => r.Layer != Host).GroupBy(static r => (r.Op, r.Phase)).Select(static g => (g.Key.Op, g.Key.Phase, g.Sum(static r => r.Calls), g.Sum(static r => r.Ms)))
            .OrderByDescending(static g => g.Item4).Take(count);
}
