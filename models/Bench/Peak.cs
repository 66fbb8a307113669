namespace MiniTorch.Models.Bench;

/// <summary>What a device can do at most.</summary>
/// <param name="Name">The device.</param>
/// <param name="Gflops">Float32 operations a second in GFLOP/s; a multiply-add is two.</param>
/// <param name="GigabytesPerSecond">Bytes a second from and to memory in GB/s.</param>
readonly record struct Peak(string Name, double Gflops, double GigabytesPerSecond)
{
    const int Side = 4096, Rounds = 10, CopyBytes = 256 << 20;

    /// <summary>Measured, on a processor and on a GPU; of the modelled GPU where one is emulated.</summary>
    internal static Peak Of(Device device)
    {
        if (device is CpuDevice processor)
        {
            using Ceiling ceiling = Ceiling.Of(processor);
            return ceiling.Peak;
        }
        CudaDevice gpu = (CudaDevice)device;
        return gpu.Model is { } model
            ? new($"estimates for {model.Name}, {model.Multiprocessors} multiprocessors at {model.Clock / 1e9:0.000} GHz, from the counters of an emulator; nothing is measured",
                2e-9 * Cuda.Emulation.GpuModel.MultiplyAddsPerClock * model.Multiprocessors * model.Clock, 1e-9 * model.BytesPerSecond)
            : new($"{gpu.Properties.Name} ({gpu})", Products(gpu), Copies(gpu));
    }

    /// <summary>The largest of some large matrix products.</summary>
    static double Products(CudaDevice device)
    {
        Tensor a = Tensor.Lasting([Side, Side], device: device), b = Tensor.Lasting([Side, Side], device: device), c = Tensor.Lasting([Side, Side], device: device);
        double seconds = Fastest(device, () => Gemm.Product.Launch(device, DType.Float32, new(a, b, c, Side, Side, Side, TransposeA: false, TransposeB: false)));
        foreach (Tensor x in (ReadOnlySpan<Tensor>)[a, b, c]) x.Free();
        return 2e-9 * Side * Side * Side / seconds;
    }

    /// <summary>Within the device's memory, beyond its caches.</summary>
    static double Copies(CudaDevice device)
    {
        Tensor from = Tensor.Lasting([CopyBytes / sizeof(float)], device: device), to = Tensor.Lasting(from.Shape, device: device);
        double seconds = Fastest(device, () => to.Assign(from));
        from.Free();
        to.Free();
        return 2e-9 * CopyBytes / seconds;
    }

    static double Fastest(Device device, Action work)
    {
        work();
        double fastest = double.MaxValue;
        for (int i = 0; i < Rounds; i++)
        {
            long begin = device.Mark();
            work();
            fastest = Math.Min(fastest, device.Seconds(begin, device.Mark()));
        }
        return fastest;
    }
}
