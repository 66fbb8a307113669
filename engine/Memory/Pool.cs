using System.Collections.Concurrent;

namespace MiniTorch;

/// <summary>A piece of device memory: its address, its size class and the bytes that were asked for, and the arena it goes back to.</summary>
internal readonly record struct Block(nint Address, int Class, long Bytes, Arena? Arena = null);

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
    Arena? arena;                               // that blocks are taken from now
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
            if (anyAbandoned && !(exact && arena is not null) && Volatile.Read(ref running) == 0) TakeBack();
            int c = ClassOf(bytes, out long size);
            if (exact) size = Math.Max(bytes, 1);
            nint address = arena?.Take(size) ?? 0;
            if (address == 0) address = TakeFree(c, size, bytes);
            LiveBytes += bytes;
            LiveBlocks++;
            PeakBytes = Math.Max(PeakBytes, LiveBytes);
            if (tensors is not null && shape is { } known) tensors[address] = (known, dtype);
            return new Block(address, c, bytes, arena);
        }
    }

    /// <summary>A kernel runs until <see cref="Leave"/>.</summary>
    internal void Enter() => Interlocked.Increment(ref running);

    internal void Leave() => Interlocked.Decrement(ref running);

    /// <summary>While an arena is used, blocks that are not its own and would go to the device wait: a step that is captured gives nothing back.</summary>
    internal void Return(Block block)
    {
        lock (gate)
        {
            if (exact && arena is not null && block.Arena is null) Abandon(block);
            else Put(block);
        }
    }

    /// <summary>Blocks are taken from this arena from now on, and from the free ones where it has none; null for these alone. Returns what was used before.</summary>
    internal Arena? Use(Arena? next)
    {
        lock (gate)
        {
            Arena? before = arena;
            arena = next;
            return before;
        }
    }

    /// <summary>Takes an arena back; blocks of it that are still in use follow when they are returned.</summary>
    internal void End(Arena ended)
    {
        lock (gate)
            foreach ((long size, nint address) in ended.End()) PutFree(ClassOf(size, out _), size, address);
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
        long size = exact ? Math.Max(block.Bytes, 1) : SizeOf(block.Class);
        if (block.Arena is { Ended: false } own) own.Put(size, block.Address);
        else PutFree(block.Class, size, block.Address);
    }

    nint TakeFree(int c, long size, long bytes)
    {
        List<nint> list = free[c] ??= [];
        if (list.Count > 0) return Blocks.TakeLowest(list);
        nint address = device.Allocate(size, bytes);
        ReservedBytes += size;
        return address;
    }

    void PutFree(int c, long size, nint address)
    {
        if (!exact)
        {
            Blocks.Put(free[c] ??= [], address);
            return;
        }
        device.Free(address);
        ReservedBytes -= size;
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
