using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>
/// A device that computes nothing: launches do nothing, memory is counted but not taken, and every value reads as 0. What is left of a forward pass or a training step are
/// shapes, checks, the graph and the bytes that tensors need, in no time for networks of any size.
/// </summary>
public sealed unsafe class ShapeDevice : Device
{
    const nint Alignment = 64;
    nint next = Alignment;

    /// <inheritdoc/>
    public override string Name => "shapes";

    /// <summary>Nothing: nothing is queued.</summary>
    public override void Synchronize() { }

    /// <summary>Nothing: nothing is held.</summary>
    public override void Dispose() { }

    /// <summary>shapes.</summary>
    public override string ToString() => Name;

    internal override long Mark() => 0;
    internal override double Seconds(long from, long to) => 0;
    internal override GpuCounters? Counted(long from, long to) => null;

    /// <summary>An address that no other block has; nothing is there.</summary>
    internal override nint Allocate(long size, long used)
    {
        nint at = next;
        next = checked((nint)(next + size + Alignment - 1) & ~(Alignment - 1));
        return at;
    }

    internal override void Free(nint address) { }
    internal override nint TakeHost(long bytes) => (nint)NativeMemory.Alloc((nuint)bytes);
    internal override void GiveHost(nint address, nint fence) => NativeMemory.Free((void*)address);
    internal override void Send(nint host, nint to, long bytes) { }
    internal override nint Fence(nint fence) => 0;
    internal override void Pass(nint fence) { }
    private protected override void Zero(nint at, long bytes) { }
    private protected override void Repeat<T>(nint at, T value, long count) { }
    private protected override void Move(nint from, nint to, long bytes) { }
    internal override void Read<T>(nint from, Span<T> to) => to.Clear();
    internal override void Write<T>(ReadOnlySpan<T> from, nint to) { }
}
