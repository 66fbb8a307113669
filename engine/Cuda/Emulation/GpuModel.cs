namespace MiniTorch.Cuda.Emulation;

/// <summary>The least time of a launch, in seconds, and what it is spent on.</summary>
internal readonly record struct Estimate(double Seconds, Bound Bound);

/// <summary>
/// A GPU for the estimate: multiprocessors, clock in Hz, bytes a second from memory, bf16 multiply-adds of mma in a clock of a multiprocessor, shared memory of a block.
/// </summary>
internal sealed record GpuModel(string Name, int Multiprocessors, double Clock, double BytesPerSecond, double MatrixMultiplyAddsPerClock, int SharedBytesPerBlock)
{
    /// <summary>Schedulers of a multiprocessor: each issues one instruction of a warp in a clock, and has the lanes for one fma.</summary>
    const int Schedulers = 4;

    /// <summary>Float32 operations a second, two for each fma of each lane.</summary>
    internal double FlopsPerSecond => 2.0 * Schedulers * Warp.Lanes * Multiprocessors * Clock;

    /// <summary>Operations a second of products of a type: bf16 by mma, float32 by fma, or at half the rate of bf16 where TF32 is allowed.</summary>
    internal double PeakOf(DType type, bool tf32)
    {
        double matrix = 2.0 * MatrixMultiplyAddsPerClock * Multiprocessors * Clock;
        return type == DType.BFloat16 ? matrix : tf32 ? matrix / 2 : FlopsPerSecond;
    }

    /// <summary>H100 SXM; the rate of mma.sync is what it reaches, not that of wgmma.</summary>
    internal static GpuModel H100 { get; } = new("H100", 132, 1.755e9, 3.0e12, 1270, 227 << 10);

    /// <summary>
    /// Roofline: the largest of instructions / (4 · SM · clock), fma / (4 · SM · clock), wavefronts / (SM · clock), multiply-adds / (SM · rate · clock) and
    /// bytes / bandwidth. Bytes are those of the sectors that must be read and written at least once. Latency and caches are not part of it.
    /// </summary>
    internal Estimate Estimate(LaunchCounters counters)
    {
        double clocks = Multiprocessors * Clock;
        Estimate largest = new(counters.WarpInstructions / (Schedulers * clocks), Bound.Issue);
        Consider(counters.FmaInstructions / (Schedulers * clocks), Bound.Fma);
        Consider(counters.SharedWavefronts / clocks, Bound.Shared);
        Consider(counters.MatrixMultiplyAdds / (MatrixMultiplyAddsPerClock * clocks), Bound.Matrix);
        Consider((counters.FootprintReadBytes + counters.FootprintWrittenBytes) / BytesPerSecond, Bound.Memory);
        return largest;

        void Consider(double seconds, Bound bound)
        {
            if (seconds > largest.Seconds) largest = new(seconds, bound);
        }
    }

    /// <summary>The least time of work that is known by its cost alone, products by mma or by fma.</summary>
    internal Estimate Estimate(in Cost cost, double peak)
        => new(cost.Bound(peak, BytesPerSecond), cost.Flops * BytesPerSecond <= cost.Bytes * peak ? Bound.Memory : peak > FlopsPerSecond ? Bound.Matrix : Bound.Fma);
}
