namespace MiniTorch;

/// <summary>One queue and one memory pool, used by one thread at a time; two trainings at once take two instances.</summary>
public abstract class Device
{
    private protected Device(Func<long, long, nint> allocate) => Pool = new(allocate);

    /// <summary>The processor this program runs on, with all its cores: the device of tensors made without naming one.</summary>
    public static CpuDevice Cpu { get; } = new();

    /// <summary>The device's memory, with its counters.</summary>
    public Pool Pool { get; }

    internal abstract void Clear(nint at, long bytes);
    internal abstract void Copy(nint from, nint to, long bytes);
    internal abstract void Read<T>(nint from, Span<T> to) where T : unmanaged;
    internal abstract void Write<T>(ReadOnlySpan<T> from, nint to) where T : unmanaged;
}
