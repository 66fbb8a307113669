using MiniTorch.Cuda.Emulation;

namespace MiniTorch;

/// <summary>What limits a kernel.</summary>
public enum Bound
{
    /// <summary>Instructions issued.</summary>
    Issue,

    /// <summary>Multiply-adds of single precision.</summary>
    Fma,

    /// <summary>Wavefronts of shared memory.</summary>
    Shared,

    /// <summary>Matrix instructions.</summary>
    Matrix,

    /// <summary>Bytes from and to memory.</summary>
    Memory,
}

/// <summary>
/// What an emulated GPU has counted over some launches, and the time that its model gives them: each launch counts with its whole estimate for the one bound that is the largest.
/// Libraries and copies execute nothing there: they have no counts, and a time that follows from their operations and bytes. Instructions are those of warps.
/// </summary>
/// <param name="Launches">Kernels that were executed and counted.</param>
/// <param name="WarpInstructions">Instructions of all kinds.</param>
/// <param name="FmaInstructions">Multiply-adds of single precision.</param>
/// <param name="MatrixMultiplyAdds">Multiply-adds of matrix instructions.</param>
/// <param name="GlobalSectors">Sectors of 32 bytes of global memory, access by access.</param>
/// <param name="IdealGlobalSectors">The fewest that the same bytes could need.</param>
/// <param name="SharedWavefronts">Wavefronts of shared memory.</param>
/// <param name="IdealSharedWavefronts">Their number without bank conflicts.</param>
/// <param name="FootprintBytes">Bytes that had to be read or written at least once in each launch.</param>
/// <param name="UncountedSeconds">The part of the time that libraries and copies have.</param>
public readonly record struct GpuCounters(long Launches, long WarpInstructions, long FmaInstructions, long MatrixMultiplyAdds, long GlobalSectors, long IdealGlobalSectors, long SharedWavefronts,
    long IdealSharedWavefronts, long FootprintBytes, double UncountedSeconds)
{
    readonly double issue, fma, shared, matrix, memory;

    /// <summary>Estimated seconds of the launches that are limited by a bound.</summary>
    public double SecondsOf(Bound bound) => bound switch { Bound.Issue => issue, Bound.Fma => fma, Bound.Shared => shared, Bound.Matrix => matrix, _ => memory };

    /// <summary>Estimated seconds in all.</summary>
    public double Seconds => issue + fma + shared + matrix + memory;

    /// <summary>What most of the time is limited by.</summary>
    public Bound Bound
    {
        get
        {
            Bound most = Bound.Issue;
            foreach (Bound bound in (ReadOnlySpan<Bound>)[Bound.Fma, Bound.Shared, Bound.Matrix, Bound.Memory]) if (SecondsOf(bound) > SecondsOf(most)) most = bound;
            return most;
        }
    }

    /// <summary>Both together.</summary>
    public static GpuCounters operator +(in GpuCounters a, in GpuCounters b) => new(a, b, 1);

    /// <summary>What came to b until it was a.</summary>
    public static GpuCounters operator -(in GpuCounters a, in GpuCounters b) => new(a, b, -1);

    /// <summary>A launch that was executed.</summary>
    internal GpuCounters(LaunchCounters c, Estimate estimate) : this(1, c.WarpInstructions, c.FmaInstructions, c.MatrixMultiplyAdds, c.GlobalSectors, c.IdealGlobalSectors, c.SharedWavefronts,
        c.IdealSharedWavefronts, c.FootprintReadBytes + c.FootprintWrittenBytes, 0) => (issue, fma, shared, matrix, memory) = By(estimate);

    /// <summary>Work of a library or a copy.</summary>
    internal GpuCounters(Estimate estimate) : this(0, 0, 0, 0, 0, 0, 0, 0, 0, estimate.Seconds) => (issue, fma, shared, matrix, memory) = By(estimate);

    GpuCounters(in GpuCounters a, in GpuCounters b, int sign) : this(a.Launches + sign * b.Launches, a.WarpInstructions + sign * b.WarpInstructions, a.FmaInstructions + sign * b.FmaInstructions,
        a.MatrixMultiplyAdds + sign * b.MatrixMultiplyAdds, a.GlobalSectors + sign * b.GlobalSectors, a.IdealGlobalSectors + sign * b.IdealGlobalSectors,
        a.SharedWavefronts + sign * b.SharedWavefronts, a.IdealSharedWavefronts + sign * b.IdealSharedWavefronts, a.FootprintBytes + sign * b.FootprintBytes,
        a.UncountedSeconds + sign * b.UncountedSeconds)
        => (issue, fma, shared, matrix, memory) = (a.issue + sign * b.issue, a.fma + sign * b.fma, a.shared + sign * b.shared, a.matrix + sign * b.matrix, a.memory + sign * b.memory);

    static (double, double, double, double, double) By(Estimate e)
    {
        double Of(Bound bound) => bound == e.Bound ? e.Seconds : 0;
        return (Of(Bound.Issue), Of(Bound.Fma), Of(Bound.Shared), Of(Bound.Matrix), Of(Bound.Memory));
    }
}
