namespace MiniTorch;

/// <summary>A CPU kernel written once for every element type and register width.</summary>
public interface ICpuKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>Runs the kernel to its end. T is the element type, V a register of it.</summary>
    static abstract void Run<T, V>(CpuDevice device, in TArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>;
}

/// <summary>What a kernel does on a GPU, for elements of 32-bit floats.</summary>
public interface ICudaKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>Queues the launches, or calls of a library, that do the kernel's work. Addresses in args are the device's: the host never reads them.</summary>
    static abstract void Run(CudaDevice device, in TArgs args);
}

/// <summary>
/// What an op launches: one entry per device, held in a field of the op, so that the op itself is the registry. A missing entry is an error that says so.
/// </summary>
public sealed class Kernel<TArgs> where TArgs : unmanaged
{
    delegate void CpuEntry(CpuDevice device, in TArgs args);
    delegate void CudaEntry(CudaDevice device, in TArgs args);

    readonly string name;
    readonly CpuEntry[] cpu;
    readonly CudaEntry? cuda;

    Kernel(string name, CpuEntry[] cpu, CudaEntry? cuda) => (this.name, this.cpu, this.cuda) = (name, cpu, cuda);

    /// <summary>A kernel with the CPU body <typeparamref name="TCpu"/>; the name is what profilers and errors show.</summary>
    public static Kernel<TArgs> On<TCpu>(string name) where TCpu : struct, ICpuKernel<TArgs> => new(name, Entries<TCpu>(), null);

    /// <summary>A kernel with the CPU body <typeparamref name="TCpu"/> and the CUDA body <typeparamref name="TCuda"/>.</summary>
    public static Kernel<TArgs> On<TCpu, TCuda>(string name) where TCpu : struct, ICpuKernel<TArgs> where TCuda : struct, ICudaKernel<TArgs> => new(name, Entries<TCpu>(), TCuda.Run);

    /// <summary>Launches on the device's queue for elements of the given type.</summary>
    public void Launch(Device device, DType type, in TArgs args)
    {
        CpuDevice? host = device as CpuDevice;
        if (device is ShapeDevice) return;
        if (!type.IsReal() || host is null && (cuda is null || type != DType.Float32)) throw new TensorException($"{name} has no kernel for {type.Short()} on {device}");
        Profile? profile = Profile.Current;
        long begin = profile?.Begin(device) ?? 0;
        device.Pool.Enter();
        try
        {
            if (host is not null) cpu[(type == DType.Float32 ? 0 : 3) + host.Simd.Index].Invoke(host, args);
            else Queue((CudaDevice)device, args);
        }
        finally
        {
            device.Pool.Leave();
        }
        profile?.End(device, name, begin, args as ICost, type.Size());
    }

    /// <summary>An entry that queues nothing has forgotten its work: an empty grid counts as queued.</summary>
    void Queue(CudaDevice device, in TArgs args)
    {
        long before = device.Queued;
        cuda!.Invoke(device, args);
        if (device.Queued == before) throw new InvalidOperationException($"{name} queued nothing on {device}");
    }

    static CpuEntry[] Entries<TCpu>() where TCpu : struct, ICpuKernel<TArgs> =>
    [
        TCpu.Run<float, Lanes128<float>>, TCpu.Run<float, Lanes256<float>>, TCpu.Run<float, Lanes512<float>>,
        TCpu.Run<double, Lanes128<double>>, TCpu.Run<double, Lanes256<double>>, TCpu.Run<double, Lanes512<double>>,
    ];
}
