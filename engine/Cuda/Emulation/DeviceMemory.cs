namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// Global memory of an emulated GPU. Addresses are handed out once and never again, each allocation in pages of its own with at least 64 KiB of nothing behind it, so that
/// every address tells which allocation it belongs to, living or freed. Used by one thread at a time, except while a kernel runs.
/// </summary>
internal sealed unsafe class DeviceMemory : IDisposable
{
    const int PageBits = 20;
    const long Gap = 64 << 10;
    const ulong Base = 0x7F00_0000_0000;

    readonly List<Allocation> used = [];
    readonly Lock gate = new();
    Allocation?[] pages = new Allocation?[256];
    int nextPage, count;

    /// <summary>Bytes in use.</summary>
    internal long LiveBytes { get; private set; }

    internal ulong Allocate(long bytes)
    {
        if (bytes <= 0) throw new EmulationException($"allocation of {bytes} bytes");
        int wanted = checked((int)((bytes + Gap + (1 << PageBits) - 1) >> PageBits));
        if (nextPage + wanted > pages.Length) Array.Resize(ref pages, Math.Max(2 * pages.Length, nextPage + wanted));
        Allocation allocation = new(count++, Base + ((ulong)nextPage << PageBits), bytes);
        Array.Fill(pages, allocation, nextPage, wanted);
        nextPage += wanted;
        LiveBytes += bytes;
        return allocation.Address;
    }

    internal void Free(ulong address)
    {
        Allocation? allocation = Find(address);
        if (allocation is null || allocation.Address != address) throw new EmulationException($"free of 0x{address:x}, which {Describe(address)}");
        if (allocation.Freed) throw new EmulationException($"second free of allocation {allocation.Number} ({allocation.Bytes} bytes) at 0x{address:x}");
        allocation.Free();
        LiveBytes -= allocation.Bytes;
    }

    internal void Write(ulong address, ReadOnlySpan<byte> from)
    {
        if (from.Length == 0) return;
        Allocation allocation = Range(address, from.Length, "copy to");
        from.CopyTo(new Span<byte>((byte*)(allocation.Origin + address), from.Length));
        allocation.MarkWritten((long)(address - allocation.Address), from.Length);
    }

    /// <summary>Copies to the host. Bytes that nobody has written are a fault, unless they may be <paramref name="unwritten"/>.</summary>
    internal void Read(ulong address, Span<byte> to, bool unwritten = false)
    {
        if (to.Length == 0) return;
        Allocation allocation = Range(address, to.Length, "copy from");
        long offset = (long)(address - allocation.Address), first = unwritten ? -1 : allocation.FirstUnwritten(offset, to.Length);
        if (first >= 0) throw new EmulationException($"copy from 0x{address:x}: byte {first - offset} of {to.Length} has not been written (allocation {allocation.Number}, offset {first})");
        new Span<byte>((byte*)(allocation.Origin + address), to.Length).CopyTo(to);
    }

    /// <summary>Copies on the device; what has not been written stays so.</summary>
    internal void Copy(ulong to, ulong from, long bytes)
    {
        if (bytes == 0) return;
        Allocation source = Range(from, bytes, "copy from"), target = Range(to, bytes, "copy to");
        Buffer.MemoryCopy((byte*)(source.Origin + from), (byte*)(target.Origin + to), bytes, bytes);
        long at = (long)(from - source.Address), place = (long)(to - target.Address);
        if (source.FirstUnwritten(at, bytes) < 0) target.MarkWritten(place, bytes);
        else for (long i = 0; i < bytes; i++)
            if (source.FirstUnwritten(at + i, 1) < 0) target.MarkWritten(place + i, 1);
            else target.Forget(place + i, 1);
    }

    /// <summary>Repeats a pattern of 1, 2 or 4 bytes.</summary>
    internal void Fill(ulong address, ReadOnlySpan<byte> pattern, long count)
    {
        if (count == 0) return;
        Allocation allocation = Range(address, count * pattern.Length, "fill of");
        byte* at = (byte*)(allocation.Origin + address);
        for (long i = 0; i < count; i++, at += pattern.Length) pattern.CopyTo(new Span<byte>(at, pattern.Length));
        allocation.MarkWritten((long)(address - allocation.Address), count * pattern.Length);
    }

    /// <summary>Says that the contents of some bytes are over: reading them before they are written again is a fault.</summary>
    internal void Forget(ulong address, long bytes)
    {
        if (bytes == 0) return;
        Allocation allocation = Range(address, bytes, "forget");
        allocation.Forget((long)(address - allocation.Address), bytes);
    }

    /// <summary>The allocation in whose pages an address lies, living or freed; the address may be beyond its end.</summary>
    internal Allocation? Find(ulong address)
    {
        ulong page = address - Base >> PageBits;
        return page < (ulong)nextPage ? pages[page] : null;
    }

    /// <summary>Where an address lies, as the end of a sentence.</summary>
    internal string Describe(ulong address)
    {
        if (Find(address) is not { } allocation) return address < 1 << 16 ? $"is null plus {address}" : "was never handed out";
        long offset = (long)(address - allocation.Address);
        string what = $"allocation {allocation.Number} of {allocation.Bytes} bytes";
        if (allocation.Freed) return $"is byte {offset} of {what}, which has been freed";
        return offset < allocation.Bytes ? $"is byte {offset} of {what}" : $"is {offset - allocation.Bytes} bytes behind the end of {what}";
    }

    /// <summary>Notes that the running kernel uses an allocation; called by any of its threads.</summary>
    internal void Use(Allocation allocation)
    {
        lock (gate)
        {
            if (allocation.InUse) return;
            allocation.Use();
            used.Add(allocation);
        }
    }

    /// <summary>Bytes of the sectors that kernels have read and written since the last time.</summary>
    internal (long Read, long Written) TakeTouched()
    {
        long read = 0, written = 0;
        foreach (Allocation allocation in used)
        {
            (long r, long w) = allocation.TakeTouched();
            read += 32 * r;
            written += 32 * w;
        }
        used.Clear();
        return (read, written);
    }

    public void Dispose()
    {
        foreach (Allocation? allocation in pages) if (allocation is { Freed: false }) allocation.Free();
    }

    Allocation Range(ulong address, long bytes, string what)
    {
        Allocation? allocation = Find(address);
        if (allocation is null || allocation.Freed || (long)(address - allocation.Address) > allocation.Bytes - bytes)
            throw new EmulationException($"{what} {bytes} bytes at 0x{address:x}, which {Describe(address)}");
        return allocation;
    }
}
