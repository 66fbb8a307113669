using System.Runtime.CompilerServices;

namespace MiniTorch;

/// <summary>One queue and one memory pool, used by one thread at a time; two trainings at once take two instances.</summary>
public abstract class Device : IDisposable
{
    private protected Device(bool remembersTensors = false, bool exactBlocks = false) => Pool = new(this, remembersTensors, exactBlocks);

    /// <summary>The processor this program runs on, with all its cores: the device of tensors made without naming one.</summary>
    public static CpuDevice Cpu { get; } = new();

    /// <summary>The device's memory, with its counters.</summary>
    public Pool Pool { get; }

    /// <summary>What the hardware calls itself.</summary>
    public abstract string Name { get; }

    /// <summary>Waits until everything queued has run.</summary>
    public abstract void Synchronize();

    /// <summary>Gives back what the device holds beside its tensors' memory.</summary>
    public abstract void Dispose();

    /// <summary>Writes zeros.</summary>
    internal void Clear(nint at, long bytes)
    {
        long begin = Profile.Current?.Begin(this) ?? 0;
        Zero(at, bytes);
        Profile.Current?.End(this, "Clear", begin, new Moved(bytes), 1);
    }

    /// <summary>Writes one value into so many places.</summary>
    internal void Fill<T>(nint at, T value, long count) where T : unmanaged
    {
        long begin = Profile.Current?.Begin(this) ?? 0;
        Repeat(at, value, count);
        Profile.Current?.End(this, "Fill", begin, new Moved(count * Unsafe.SizeOf<T>()), 1);
    }

    /// <summary>Copies within the device.</summary>
    internal void Copy(nint from, nint to, long bytes)
    {
        long begin = Profile.Current?.Begin(this) ?? 0;
        Move(from, to, bytes);
        Profile.Current?.End(this, "Copy", begin, new Moved(2 * bytes), 1);
    }

    /// <summary>Notes this moment of the queue: what was launched before has ended, what is launched after has not begun.</summary>
    internal abstract long Mark();

    /// <summary>Seconds between two marks, once the queue has come past both.</summary>
    internal abstract double Seconds(long from, long to);

    /// <summary>What an emulated GPU has counted between two marks; null on a device that counts nothing.</summary>
    internal abstract GpuCounters? Counted(long from, long to);

    /// <summary>Bytes read and written.</summary>
    readonly record struct Moved(long Bytes) : ICost
    {
        public Cost Cost(int size) => new(0, Bytes, $"{Bytes} bytes");
    }

    /// <summary>A block of a size for the pool, of which so many bytes are wanted now.</summary>
    internal abstract nint Allocate(long size, long used);

    /// <summary>Takes a block back that the pool no longer holds.</summary>
    internal abstract void Free(nint address);

    /// <summary>Memory of the host for <see cref="Send"/>.</summary>
    internal abstract nint TakeHost(long bytes);

    /// <summary>Takes it back, with the fence that was made for it, 0 for none; nothing of it is on its way any more.</summary>
    internal abstract void GiveHost(nint address, nint fence);

    /// <summary>Queues a copy from memory of <see cref="TakeHost"/>.</summary>
    internal abstract void Send(nint host, nint to, long bytes);

    /// <summary>Puts a fence behind what is queued, a new one where 0 is given; 0 where nothing is ever queued.</summary>
    internal abstract nint Fence(nint fence);

    /// <summary>Waits until the queue has come past a fence.</summary>
    internal abstract void Pass(nint fence);

    private protected abstract void Zero(nint at, long bytes);
    private protected abstract void Repeat<T>(nint at, T value, long count) where T : unmanaged;
    private protected abstract void Move(nint from, nint to, long bytes);
    internal abstract void Read<T>(nint from, Span<T> to) where T : unmanaged;
    internal abstract void Write<T>(ReadOnlySpan<T> from, nint to) where T : unmanaged;
}
