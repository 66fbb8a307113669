namespace MiniTorch.Cuda;

/// <summary>Extent of a grid or a block, or a place in it; an int is an extent along x alone.</summary>
readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    internal long Count => (long)X * Y * Z;

    /// <summary>The place with the given number in a grid or block of these sizes, x fastest.</summary>
    internal Dim3 At(long index) => new((int)(index % X), (int)(index / X % Y), (int)(index / ((long)X * Y)));

    public static implicit operator Dim3(int x) => new(x);

    public override string ToString() => $"({X}, {Y}, {Z})";
}

/// <summary>What a GPU is. Sizes in bytes, clocks in kHz as the driver gives them.</summary>
sealed record DeviceProperties
{
    public required string Name { get; init; }

    /// <summary>Compute capability, 9.0 for an H100.</summary>
    public required Version ComputeCapability { get; init; }

    /// <summary>Number of multiprocessors.</summary>
    public required int Multiprocessors { get; init; }

    /// <summary>Highest clock of the multiprocessors.</summary>
    public required int ClockKilohertz { get; init; }

    /// <summary>Memory of the GPU.</summary>
    public required long MemoryBytes { get; init; }

    public required int CacheBytes { get; init; }

    /// <summary>Shared memory that a block may use without asking.</summary>
    public required int SharedPerBlock { get; init; }

    /// <summary>Shared memory that a block may use after <see cref="ICudaDriver.AllowDynamicShared"/>.</summary>
    public required int SharedPerBlockAtMost { get; init; }

    public required int SharedPerMultiprocessor { get; init; }
    public required int RegistersPerMultiprocessor { get; init; }
    public required int ThreadsPerMultiprocessor { get; init; }
    public required int ThreadsPerBlock { get; init; }

    /// <summary>Highest CUDA version of the driver, 13.0.</summary>
    public required Version Driver { get; init; }
}

/// <summary>What a kernel needs: registers and local (spilled) bytes of a thread, static shared bytes of a block; and the largest block it can be launched with.</summary>
readonly record struct FunctionAttributes(int Registers, int LocalBytes, int StaticSharedBytes, int MaxThreads);
