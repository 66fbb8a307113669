namespace MiniTorch.Models.Profiling;

/// <summary>What an op of a layer took in a phase; or, with a layer in brackets, the time of a phase that no kernel ran in; or
/// the stalls of the <see cref="ProfileTable.Machine"/>.</summary>
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
/// <param name="PeakMb">Most memory in use while it ran, MB.</param>
/// <param name="LiveMb">Memory in use when it last ended, MB.</param>
/// <param name="Counted">What an emulated GPU counted; null on every other device, and where no kernel ran.</param>
sealed record ProfileRow(string Layer, string Op, string Phase, int Calls, int Kernels, double Ms, double Share, double Gflop, double Gigabytes, double Roofline, double PeakMb, double LiveMb,
    GpuCounters? Counted)
{
    /// <summary>Operations a second, in 10⁹.</summary>
    internal double GflopPerSecond => Gflop / Ms * 1e3;

    /// <summary>Bytes a second, in 10⁹.</summary>
    internal double GigabytesPerSecond => Gigabytes / Ms * 1e3;
}

/// <summary>A profiled step by layer, op and phase, longest first. The rows together are the step: every kernel is in one of them, and what is left is the host's or the machine's.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Ms">Length of the step.</param>
/// <param name="KernelMs">Time that kernels ran.</param>
/// <param name="RestMs">Time that no kernel ran.</param>
/// <param name="PeakMb">Most memory in use, MB.</param>
sealed record ProfileTable(IReadOnlyList<ProfileRow> Rows, double Ms, double KernelMs, double RestMs, double PeakMb)
{
    /// <summary>Stands where no kernel ran on the processor: the graph, memory, the code of the optimizer.</summary>
    internal const string Host = "(host)";

    /// <summary>Stands where no kernel ran on a GPU: it waited for the host or copied from and to it.</summary>
    internal const string Idle = "(idle)";

    /// <summary>Stands where no kernel ran on an emulated GPU, whose clock goes on for nothing else: copies from and to the host.</summary>
    internal const string Copies = "(copies)";

    /// <summary>Stands for stalls: what whole steps took longer than their parts, each at its median. A quiet machine has none.</summary>
    internal const string Machine = "(machine)";

    /// <summary>Stands for kernels outside all layers.</summary>
    internal const string Outside = "(model)";

    const double Mega = 1e6;
    const double Nothing = 1e-13;           // seconds: what rounding leaves of a difference, less than any copy takes

    /// <summary>What stands where no kernel ran on a device.</summary>
    internal static string RestOf(Device device) => device switch { CudaDevice { Emulator: not null } => Copies, CudaDevice => Idle, _ => Host };

    /// <summary>The table of a <see cref="MedianStep"/> out of steps of a median length, on a machine of this peak in flop/s and bandwidth in byte/s.</summary>
    internal static ProfileTable Of(StepProfile step, double length, double peak, double bandwidth, string rest = Host)
    {
        length = Math.Max(length, step.Seconds);
        double kernels = step.Kernels.Sum(static k => k.Seconds), stalls = length - step.Seconds;
        List<ProfileRow> rows = [];
        foreach (IGrouping<(string Layer, string Op, string Phase), KernelRun> g in step.Kernels.GroupBy(static k => (k.Layer, k.Op, k.Phase)))
        {
            double seconds = g.Sum(static k => k.Seconds), bound = g.Sum(k => k.Cost?.Bound(peak, bandwidth) ?? 0);
            rows.Add(new(g.Key.Layer.Length == 0 ? Outside : g.Key.Layer, g.Key.Op, g.Key.Phase, g.Select(static k => k.Call).Distinct().Count(), g.Count(), 1e3 * seconds, seconds / length,
                1e-9 * g.Sum(static k => k.Cost?.Flops ?? 0), 1e-9 * g.Sum(static k => k.Cost?.Bytes ?? 0), seconds == 0 ? 0 : bound / seconds, g.Max(static k => k.PeakBytes) / Mega,
                g.Last().LiveBytes / Mega, g.Aggregate<KernelRun, GpuCounters?>(default(GpuCounters), static (sum, k) => sum + k.Counted)));
        }
        foreach (IGrouping<string, PhaseRun> g in step.Phases.GroupBy(static p => p.Name)) Add(rest, g.Key, Left(g.Key, g.Sum(static p => p.Seconds)));
        Add(rest, "", Left("", step.Seconds - step.Phases.Sum(static p => p.Seconds)));
        Add(Machine, "", stalls);
        return new([.. rows.OrderByDescending(static r => r.Ms)], 1e3 * length, 1e3 * kernels, 1e3 * (step.Seconds - kernels), step.PeakBytes / Mega);

        double Left(string phase, double seconds) => Math.Max(0, seconds - step.Kernels.Where(k => k.Phase == phase).Sum(static k => k.Seconds));

        void Add(string layer, string phase, double seconds)
        {
            if (seconds > Nothing) rows.Add(new(layer, "", phase, 0, 0, 1e3 * seconds, seconds / length, 0, 0, 0, 0, 0, null));
        }
    }

    /// <summary>The ops that took longest, over all layers.</summary>
    internal IEnumerable<(string Op, string Phase, int Calls, double Ms)> Biggest(int count)
        => Rows.Where(static r => r.Kernels > 0).GroupBy(static r => (r.Op, r.Phase)).Select(static g => (g.Key.Op, g.Key.Phase, g.Sum(static r => r.Calls), g.Sum(static r => r.Ms)))
            .OrderByDescending(static g => g.Item4).Take(count);
}
