namespace MiniTorch.Models.Profiling;

/// <summary>
/// One step out of several that launched the same: each stretch of time between two marks, a kernel or a gap, has the median of its lengths, so that what the machine did beside in
/// one of them falls out. Costs and memory are those of the last.
/// </summary>
static class MedianStep
{
    /// <summary>The step. Steps that did not launch what the last one did are left out.</summary>
    internal static StepProfile Of(IReadOnlyList<StepProfile> steps)
    {
        StepProfile last = steps[^1];
        double[][] marks = [.. steps.Where(s => s.Kernels.Select(static k => k.Kernel).SequenceEqual(last.Kernels.Select(static k => k.Kernel))).Select(Marks)];
        int[] order = [.. Enumerable.Range(0, marks[^1].Length).OrderBy(i => marks[^1][i])];
        double[] at = new double[order.Length], lengths = new double[marks.Length];
        double now = 0;
        for (int i = 0; i < order.Length; i++)
        {
            for (int s = 0; s < lengths.Length; s++) lengths[s] = marks[s][order[i]] - (i == 0 ? 0 : marks[s][order[i - 1]]);
            Array.Sort(lengths);
            at[order[i]] = now += Math.Max(0, lengths[lengths.Length / 2]);
        }
        int kernels = last.Kernels.Count;
        return last with
        {
            Kernels = [.. last.Kernels.Select((k, i) => k with { Begin = at[2 * i], End = at[2 * i + 1] })],
            Phases = [.. last.Phases.Select((p, i) => p with { Begin = at[2 * (kernels + i)], End = at[2 * (kernels + i) + 1] })],
            Seconds = at[^1],
        };
    }

    /// <summary>Begin and end of every kernel, then of every phase, then the end of the step.</summary>
    static double[] Marks(StepProfile s) => [.. s.Kernels.SelectMany<KernelRun, double>(static k => [k.Begin, k.End]), .. s.Phases.SelectMany<PhaseRun, double>(static p => [p.Begin, p.End]), s.Seconds];
}
