namespace MiniTorch;

/// <summary>
/// What an emulated GPU has executed. Instructions are those of warps; sectors are the 32 bytes in which global memory is accessed, wavefronts the accesses of shared memory, each
/// beside the fewest that the bytes asked for need; bytes are those of the sectors that a launch has to read or write at least once.
/// </summary>
/// <param name="Launches">Launches of kernels.</param>
/// <param name="Instructions">Instructions of warps.</param>
/// <param name="Fma">Multiply-adds among them.</param>
/// <param name="Sectors">Sectors of global memory.</param>
/// <param name="IdealSectors">The fewest of them.</param>
/// <param name="Wavefronts">Wavefronts of shared memory.</param>
/// <param name="IdealWavefronts">The fewest of them.</param>
/// <param name="MatrixMultiplyAdds">Multiply-adds of matrix instructions, in those of bf16.</param>
/// <param name="Bytes">Bytes from and to memory.</param>
public readonly record struct DeviceCounters(long Launches, long Instructions, long Fma, long Sectors, long IdealSectors, long Wavefronts, long IdealWavefronts, long MatrixMultiplyAdds, long Bytes)
{
    /// <summary>Sectors over the fewest; 1 where there are none.</summary>
    public double SectorRatio => IdealSectors == 0 ? 1 : (double)Sectors / IdealSectors;

    /// <summary>Wavefronts over the fewest; 1 where there are none.</summary>
    public double WavefrontRatio => IdealWavefronts == 0 ? 1 : (double)Wavefronts / IdealWavefronts;

    /// <summary>What both have executed.</summary>
    public static DeviceCounters operator +(DeviceCounters a, DeviceCounters b) => new(a.Launches + b.Launches, a.Instructions + b.Instructions, a.Fma + b.Fma, a.Sectors + b.Sectors,
        a.IdealSectors + b.IdealSectors, a.Wavefronts + b.Wavefronts, a.IdealWavefronts + b.IdealWavefronts, a.MatrixMultiplyAdds + b.MatrixMultiplyAdds, a.Bytes + b.Bytes);

    /// <summary>What was executed since an earlier count.</summary>
    public static DeviceCounters operator -(DeviceCounters a, DeviceCounters b) => new(a.Launches - b.Launches, a.Instructions - b.Instructions, a.Fma - b.Fma, a.Sectors - b.Sectors,
        a.IdealSectors - b.IdealSectors, a.Wavefronts - b.Wavefronts, a.IdealWavefronts - b.IdealWavefronts, a.MatrixMultiplyAdds - b.MatrixMultiplyAdds, a.Bytes - b.Bytes);
}
