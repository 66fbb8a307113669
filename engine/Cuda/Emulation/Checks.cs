namespace MiniTorch.Cuda.Emulation;

/// <summary>Checks that cost time and may be left out; bounds, alignment, divergence and limits are always checked.</summary>
[Flags]
internal enum Checks
{
    None = 0,

    /// <summary>Reads of global and shared memory that nobody has written.</summary>
    Uninitialised = 1,

    /// <summary>Two warps at one word of shared memory without a barrier between them, one of them writing.</summary>
    Races = 2,

    All = Uninitialised | Races,
}
