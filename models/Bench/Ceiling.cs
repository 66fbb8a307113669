namespace MiniTorch.Models.Bench;

/// <summary>What a device can do at most: operations of products (a multiply-add is two) and bytes of memory traffic, in 10⁹ a second.</summary>
/// <param name="Device">What it is.</param>
/// <param name="Gflops">Operations.</param>
/// <param name="GigabytesPerSecond">Bytes.</param>
/// <param name="IsEstimate">True for a GPU that is only modelled: figures of its data sheet, and all times on it are estimates.</param>
sealed record Ceiling(string Device, double Gflops, double GigabytesPerSecond, bool IsEstimate = false)
{
    /// <summary>Of a processor or a GPU, measured; of an emulated GPU, by its model. Products are those of a type, in TF32 where the device is allowed to. Some seconds on a slow machine.</summary>
    internal static Ceiling Of(Device device, DType type = DType.Float32) => device switch
    {
        CudaDevice { Emulator.Gpu.Model: { } model } gpu => new(device.Name, 1e-9 * model.PeakOf(type, gpu.AllowTf32), 1e-9 * model.BytesPerSecond, IsEstimate: true),
        CudaDevice gpu => GpuCeiling.Of(gpu, type),
        _ => CpuCeiling.Of((CpuDevice)device),
    };

    /// <summary>All of it in a line.</summary>
    public override string ToString() => FormattableString.Invariant($"{Device}: peak {Gflops:0} GFLOP/s, memory {GigabytesPerSecond:0} GB/s{(IsEstimate ? " by its model" : "")}");
}
