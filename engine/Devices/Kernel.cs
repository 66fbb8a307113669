namespace MiniTorch;

/// <summary>A CPU kernel written once for every element type and register width.</summary>
public interface ICpuKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>Runs the kernel to its end. T is the element type, V a register of it.</summary>
    static abstract void Run<T, V>(CpuDevice device, in TArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>;
}

/// <summary>What a kernel does on a GPU, for elements in memory of either type: 32-bit floats or <see cref="BFloat16"/>. Arithmetic and sums are float32 for both.</summary>
public interface ICudaKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>Queues the launches, or calls of a library, that do the kernel's work. Addresses in args are the device's: the host never reads them. T is the element type.</summary>
    static abstract void Run<T>(CudaDevice device, in TArgs args) where T : unmanaged;
}

/// <summary>What a kernel does on a GPU that is for 32-bit floats alone: positions, states of optimizers, membranes.</summary>
public interface ISingleCudaKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>As <see cref="ICudaKernel{TArgs}.Run"/>.</summary>
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
    readonly CudaEntry? cuda, cudaBrain;

    Kernel(string name, CpuEntry[] cpu, CudaEntry? cuda, CudaEntry? cudaBrain) => (this.name, this.cpu, this.cuda, this.cudaBrain) = (name, cpu, cuda, cudaBrain);

    /// <summary>A kernel with the CPU body <typeparamref name="TCpu"/>; the name is what profilers and errors show.</summary>
    public static Kernel<TArgs> On<TCpu>(string name) where TCpu : struct, ICpuKernel<TArgs> => new(name, Entries<TCpu>(), null, null);

    /// <summary>A kernel with the CPU body <typeparamref name="TCpu"/> and the CUDA body <typeparamref name="TCuda"/>.</summary>
    public static Kernel<TArgs> On<TCpu, TCuda>(string name) where TCpu : struct, ICpuKernel<TArgs> where TCuda : struct, ICudaKernel<TArgs> => new(name, Entries<TCpu>(), TCuda.Run<float>, TCuda.Run<BFloat16>);

    /// <summary>The same, where the GPU takes float32 alone.</summary>
    public static Kernel<TArgs> OnSingle<TCpu, TCuda>(string name) where TCpu : struct, ICpuKernel<TArgs> where TCuda : struct, ISingleCudaKernel<TArgs>
        => new(name, Entries<TCpu>(), TCuda.Run, null);

    /// <summary>A kernel for GPUs alone, whose arguments say what its elements are.</summary>
    public static Kernel<TArgs> OnCuda<TCuda>(string name) where TCuda : struct, ISingleCudaKernel<TArgs> => new(name, [], TCuda.Run, null);

    /// <summary>Launches on the device's queue for elements of the given type.</summary>
    public void Launch(Device device, DType type, in TArgs args)
    {
        CpuDevice? host = device as CpuDevice;
        if (device is ShapeDevice)
        {
            Profile.Current?.End(device, name, 0, args as ICost, type.Size());
            return;
        }
        CudaEntry? gpu = type switch { DType.Float32 => cuda, DType.BFloat16 => cudaBrain, _ => null };
        if (host is null ? gpu is null : cpu.Length == 0 || type is DType.Int32 or DType.BFloat16) throw Missing(device, type);
        Profile? profile = Profile.Current;
        long begin = profile?.Begin(device) ?? 0;
        device.Pool.Enter();
        try
        {
            if (host is not null) cpu[(type == DType.Float32 ? 0 : 3) + host.Simd.Index].Invoke(host, args);
            else Queue((CudaDevice)device, gpu!, args);
        }
        finally
        {
            device.Pool.Leave();
        }
        profile?.End(device, name, begin, args as ICost, type.Size());
    }

    /// <summary>An entry that queues nothing has forgotten its work: an empty grid counts as queued.</summary>
    void Queue(CudaDevice device, CudaEntry gpu, in TArgs args)
    {
        long before = device.Queued;
        gpu.Invoke(device, args);
        if (device.Queued == before) throw new InvalidOperationException($"{name} queued nothing on {device}");
    }

    TensorException Missing(Device device, DType type) => new(type != DType.BFloat16 ? $"{name} has no kernel for {type.Short()} on {device}"
        : $"{name} does not compute in bf16 on {device}; cast to float32 with To(DType.Float32)" + (device is CpuDevice ? ", or use a CUDA device" : ""));

    static CpuEntry[] Entries<TCpu>() where TCpu : struct, ICpuKernel<TArgs> =>
    [
        TCpu.Run<float, Lanes128<float>>, TCpu.Run<float, Lanes256<float>>, TCpu.Run<float, Lanes512<float>>,
        TCpu.Run<double, Lanes128<double>>, TCpu.Run<double, Lanes256<double>>, TCpu.Run<double, Lanes512<double>>,
    ];
}
