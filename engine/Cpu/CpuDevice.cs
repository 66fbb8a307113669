using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>The processor: a pool of native memory, a set of worker threads, a register width.</summary>
public sealed unsafe class CpuDevice : Device
{
    /// <summary>A device of its own; threads defaults to all cores, the width to <see cref="Simd.Default"/>. Results do not depend on the number of threads.</summary>
    public CpuDevice(int? threads = null, Simd? simd = null)
    {
        if (threads < 1) throw new TensorException($"a device needs at least one thread, got {threads}");
        Workers = new(threads ?? Environment.ProcessorCount);
        Simd = simd ?? Simd.Default;
    }

    /// <inheritdoc/>
    public override string Name => Processor.Name;

    /// <summary>Threads that share the items of a kernel.</summary>
    public Workers Workers { get; }

    /// <summary>Register width of the kernels.</summary>
    public Simd Simd { get; }

    /// <summary>Pool memory for the length of one kernel; its contents are undefined.</summary>
    internal Scratch Scratch(long bytes) => new(Pool, Pool.Take(bytes));

    /// <summary>Nothing: a launch returns when it has ended.</summary>
    public override void Synchronize() { }

    internal override long Mark() => Stopwatch.GetTimestamp();
    internal override double Seconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds;
    internal override GpuCounters? Counted(long from, long to) => null;
    internal override nint Allocate(long size, long used) => (nint)HugePages.Take(size, used);
    internal override void Free(nint address) => NativeMemory.AlignedFree((void*)address);
    internal override nint TakeHost(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)bytes, CacheLine.Bytes);
    internal override void GiveHost(nint address, nint fence) => NativeMemory.AlignedFree((void*)address);
    internal override void Send(nint host, nint to, long bytes) => Buffer.MemoryCopy((void*)host, (void*)to, bytes, bytes);
    internal override nint Fence(nint fence) => 0;
    internal override void Pass(nint fence) { }
    private protected override void Zero(nint at, long bytes) => NativeMemory.Clear((void*)at, (nuint)bytes);
    private protected override void Repeat<T>(nint at, T value, long count) => new Span<T>((void*)at, checked((int)count)).Fill(value);
    private protected override void Move(nint from, nint to, long bytes) => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
    internal override void Read<T>(nint from, Span<T> to) => new ReadOnlySpan<T>((void*)from, to.Length).CopyTo(to);
    internal override void Write<T>(ReadOnlySpan<T> from, nint to) => from.CopyTo(new Span<T>((void*)to, from.Length));

    /// <summary>Ends the worker threads. Tensors of the device stay readable.</summary>
    public override void Dispose() => Workers.Dispose();

    /// <summary>cpu.</summary>
    public override string ToString() => "cpu";
}

/// <summary>Workspace of one kernel launch; goes back to the pool with <c>using</c>.</summary>
readonly unsafe ref struct Scratch(Pool pool, Block block)
{
    internal T* As<T>() where T : unmanaged => (T*)block.Address;

    public void Dispose() => pool.Return(block);
}
