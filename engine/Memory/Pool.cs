using System.Collections.Concurrent;

namespace MiniTorch;

/// <summary>A piece of device memory: its address, its size class and the bytes that were asked for.</summary>
internal readonly record struct Block(nint Address, int Class, long Bytes);

/// <summary>
/// Device memory in geometric size classes, four an octave. A free block is chosen by lowest address, so what is handed out depends on the set of
/// free blocks and not on the order in which they came back: equal steps get equal addresses.
/// </summary>
public sealed class Pool
{
    readonly List<nint>[] free = new List<nint>[256];
    readonly ConcurrentQueue<Block> abandoned = new();
    readonly Lock gate = new();
    readonly Device device;
    readonly bool exact;                        // blocks as long as asked for, and back to the device at once: each misuse of memory is one of the device's
    volatile bool anyAbandoned;
    int running;                                // kernels, of all threads
    readonly Dictionary<nint, (Shape Shape, DType DType)>? tensors;     // in use, by address, where they are to be told when memory runs out

    internal Pool(Device device, bool remembersTensors, bool exact) => (this.device, this.exact, tensors) = (device, exact, remembersTensors ? [] : null);

    /// <summary>Bytes in use.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Most bytes in use at once since the start or <see cref="ResetPeak"/>.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Bytes taken from the device, in use or free.</summary>
    public long ReservedBytes { get; private set; }

    /// <summary>Blocks in use.</summary>
    public int LiveBlocks { get; private set; }

    /// <summary>Starts a new peak measurement.</summary>
    public void ResetPeak() => PeakBytes = LiveBytes;

    /// <summary>A block of at least so many bytes: scratch, or the memory of a tensor.</summary>
    internal Block Take(long bytes, Shape? shape = null, DType dtype = default)
    {
        lock (gate)
        {
            if (anyAbandoned && Volatile.Read(ref running) == 0) TakeBack();
            int c = ClassOf(bytes, out long size);
            if (exact) size = Math.Max(bytes, 1);
            List<nint> list = free[c] ??= [];
            nint address;
            if (list.Count > 0)
            {
                address = list[^1];
                list.RemoveAt(list.Count - 1);
            }
            else
            {
                address = device.Allocate(size, bytes);
                ReservedBytes += size;
            }
            LiveBytes += bytes;
            LiveBlocks++;
            PeakBytes = Math.Max(PeakBytes, LiveBytes);
            if (tensors is not null && shape is { } known) tensors[address] = (known, dtype);
            return new Block(address, c, bytes);
        }
    }

    /// <summary>A kernel runs until <see cref="Leave"/>.</summary>
    internal void Enter() => Interlocked.Increment(ref running);

    internal void Leave() => Interlocked.Decrement(ref running);

    internal void Return(Block block)
    {
        lock (gate) Put(block);
    }

    /// <summary>
    /// Called by finalizers. The block is only queued; the next Take while no kernel runs takes it in, so a kernel whose tensor handle died meanwhile never
    /// loses its memory under its feet, to its own scratch or to another thread.
    /// </summary>
    internal void Abandon(Block block)
    {
        abandoned.Enqueue(block);
        anyAbandoned = true;
    }

    void TakeBack()
    {
        anyAbandoned = false;
        while (abandoned.TryDequeue(out Block late)) Put(late);
    }

    void Put(Block block)
    {
        LiveBytes -= block.Bytes;
        LiveBlocks--;
        tensors?.Remove(block.Address);
        if (exact)
        {
            device.Free(block.Address);
            ReservedBytes -= Math.Max(block.Bytes, 1);
            return;
        }
        List<nint> list = free[block.Class];
        if (list.Count == 0 || list[^1] > block.Address)
        {
            list.Add(block.Address);
            return;
        }
        int lo = 0, hi = list.Count;                    // descending, so that the lowest address is popped from the end
        while (lo < hi)
        {
            int mid = (lo + hi) / 2;
            if (list[mid] > block.Address) lo = mid + 1;
            else hi = mid;
        }
        list.Insert(lo, block.Address);
    }

    /// <summary>Gives all free blocks back to the device.</summary>
    internal void Drain()
    {
        lock (gate)
        {
            for (int c = 0; c < free.Length; c++)
            {
                if (free[c] is not { } list) continue;
                foreach (nint address in list) device.Free(address);
                ReservedBytes -= list.Count * SizeOf(c);
                list.Clear();
            }
        }
    }

    /// <summary>The largest tensors in use, by bytes.</summary>
    internal (Shape Shape, DType DType)[] Largest(int count)
    {
        lock (gate)
        {
            (Shape Shape, DType DType)[] all = [.. tensors!.Values];
            Array.Sort(all, static (a, b) => (b.Shape.Count * b.DType.Size()).CompareTo(a.Shape.Count * a.DType.Size()));
            return all[..Math.Min(count, all.Length)];
        }
    }

    /// <summary>Bytes of the blocks of a class.</summary>
    static long SizeOf(int c) => (4L + (c - 1) % 4 + 1) << (3 + (c - 1) / 4);

    static int ClassOf(long bytes, out long size)
    {
        ulong b = (ulong)Math.Max(bytes, 64);
        int octave = BitOperations.Log2(b - 1 | 32);    // 2^octave < b <= 2^(octave+1)
        ulong quarter = 1UL << (octave - 2);
        ulong steps = (b - (1UL << octave) + quarter - 1) / quarter;
        size = (long)((1UL << octave) + steps * quarter);
        return (octave - 5) * 4 + (int)steps;
    }
}
