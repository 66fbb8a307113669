namespace MiniTorch;

/// <summary>A CPU kernel written once for every element type and register width.</summary>
public interface ICpuKernel<TArgs> where TArgs : unmanaged
{
    /// <summary>Runs the kernel to its end. T is the element type, V a register of it.</summary>
    static abstract void Run<T, V>(CpuDevice device, in TArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>;
}

/// <summary>
/// What an op launches: one entry per device, held in a field of the op, so that the op itself is the registry. A missing entry is an error that says so.
/// </summary>
public sealed class Kernel<TArgs> where TArgs : unmanaged
{
    delegate void CpuEntry(CpuDevice device, in TArgs args);

    readonly string name;
    readonly CpuEntry[] cpu;

    Kernel(string name, CpuEntry[] cpu) => (this.name, this.cpu) = (name, cpu);

    /// <summary>A kernel with the CPU body <typeparamref name="TCpu"/>; the name is what profilers and errors show.</summary>
    public static Kernel<TArgs> On<TCpu>(string name) where TCpu : struct, ICpuKernel<TArgs> => new(name,
    [
        TCpu.Run<float, Lanes128<float>>, TCpu.Run<float, Lanes256<float>>, TCpu.Run<float, Lanes512<float>>,
        TCpu.Run<double, Lanes128<double>>, TCpu.Run<double, Lanes256<double>>, TCpu.Run<double, Lanes512<double>>,
    ]);

    /// <summary>Launches on the device's queue for elements of the given type.</summary>
    public void Launch(Device device, DType type, in TArgs args)
    {
        if (!type.IsReal() || device is not CpuDevice host) throw new TensorException($"{name} has no kernel for {type.Short()} on {device}");
        CpuEntry entry = cpu[(type == DType.Float32 ? 0 : 3) + host.Simd.Index];
        Profile? profile = Profile.Current;
        long begin = profile?.Begin(device) ?? 0;
        host.Pool.Enter();
        try
        {
            entry.Invoke(host, args);
        }
        finally
        {
            host.Pool.Leave();
        }
        profile?.End(device, name, begin, args as ICost, type.Size());
    }
}
