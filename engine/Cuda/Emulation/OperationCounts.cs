namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// What one instruction has done in a launch. "Ideal" is the fewest sectors of 32 bytes, or wavefronts of 128, that the distinct bytes it asked for would need.
/// While a launch runs, a straight run of instructions is counted at its first.
/// </summary>
internal struct OperationCounts
{
    internal long Executions, Lanes, Sectors, IdealSectors, Wavefronts, IdealWavefronts, GlobalBytes;

    internal void Add(in OperationCounts other)
    {
        Executions += other.Executions;
        Lanes += other.Lanes;
        Sectors += other.Sectors;
        IdealSectors += other.IdealSectors;
        Wavefronts += other.Wavefronts;
        IdealWavefronts += other.IdealWavefronts;
        GlobalBytes += other.GlobalBytes;
    }
}
