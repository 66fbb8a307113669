namespace MiniTorch.Cuda.Emulation;

/// <summary>How a kernel is launched: grid, block, dynamic shared memory, and how the emulator shall go about it.</summary>
internal readonly record struct Launch(Dim3 Grid, Dim3 Block, int SharedBytes = 0)
{
    /// <summary>Which of the expensive checks are made.</summary>
    internal Checks Checks { get; init; } = Checks.All;

    /// <summary>Threads of this process that run blocks; 0: one for each processor, but one alone where the kernel changes global memory atomically, so that results are always the same.</summary>
    internal int Threads { get; init; }

    /// <summary>Instructions that a warp may execute in a block before it counts as endless.</summary>
    internal long InstructionLimit { get; init; } = 1L << 31;
}
