namespace MiniTorch;

/// <summary>One launch as it ran. Times are in seconds since the start of the step.</summary>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Op">The op whose forward or backward launched it; the kernel's own name up to its dot where none was recorded.</param>
/// <param name="Call">Launches of one forward or backward of an op have the same number.</param>
/// <param name="Layer">Path of the layer, "" outside all layers. Backward kernels have the layer that their op was recorded in.</param>
/// <param name="Phase">Part of the step.</param>
/// <param name="Begin">When it began.</param>
/// <param name="End">When it ended.</param>
/// <param name="Cost">What it had to do; null if its arguments do not tell.</param>
/// <param name="LiveBytes">Device memory in use when it ended.</param>
/// <param name="PeakBytes">Most device memory in use since the launch before it ended.</param>
/// <param name="Counted">What an emulated GPU counted in it; null on every other device.</param>
public sealed record KernelRun(string Kernel, string Op, int Call, string Layer, string Phase, double Begin, double End, Cost? Cost, long LiveBytes, long PeakBytes,
    GpuCounters? Counted)
{
    /// <summary>End − Begin.</summary>
    public double Seconds => End - Begin;
}

/// <summary>A part of a step, from Begin to End in seconds since the start of the step.</summary>
public sealed record PhaseRun(string Name, double Begin, double End)
{
    /// <summary>End − Begin.</summary>
    public double Seconds => End - Begin;
}

/// <summary>Everything a device did in one step.</summary>
/// <param name="Kernels">The launches, in order; they do not overlap.</param>
/// <param name="Phases">The parts, in order; they do not overlap.</param>
/// <param name="Seconds">Length of the step.</param>
/// <param name="PeakBytes">Most device memory in use during it.</param>
public sealed record StepProfile(IReadOnlyList<KernelRun> Kernels, IReadOnlyList<PhaseRun> Phases, double Seconds, long PeakBytes);
