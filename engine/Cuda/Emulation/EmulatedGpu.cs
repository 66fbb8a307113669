namespace MiniTorch.Cuda.Emulation;

/// <summary>A GPU that executes PTX on this processor, one launch after the other: memory, modules, kernels.</summary>
internal sealed class EmulatedGpu(GpuModel? model = null) : IDisposable
{
    internal const int MaxBlockThreads = 1024, DefaultSharedBytes = 48 << 10;

    internal GpuModel Model { get; } = model ?? GpuModel.H100;

    internal DeviceMemory Memory { get; } = new();

    /// <summary>Places a module's variables in memory.</summary>
    internal PlacedModule Load(PtxModule module) => new(this, module);

    public void Dispose() => Memory.Dispose();
}
