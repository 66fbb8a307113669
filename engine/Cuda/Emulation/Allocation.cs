using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// A piece of global memory. For each byte a second one says whether it has been written; once all have, nobody looks any more. Sectors that a launch touches are noted,
/// to know how much must come from memory at least.
/// </summary>
internal sealed unsafe class Allocation(int number, ulong address, long bytes)
{
    byte* written;
    byte* readSectors, writtenSectors;

    /// <summary>How many came before.</summary>
    internal int Number { get; } = number;

    internal ulong Address { get; } = address;

    internal long Bytes { get; } = bytes;

    /// <summary>The bytes, in this process; null once freed.</summary>
    internal byte* Data { get; private set; } = Filled(bytes);

    /// <summary>What to add to a device address to get the byte here.</summary>
    internal ulong Origin => (ulong)Data - Address;

    /// <summary>Every byte has been written.</summary>
    internal bool Complete { get; private set; }

    internal bool Freed => Data == null;

    /// <summary>The launch that runs has used it.</summary>
    internal bool InUse { get; private set; }

    internal void Free()
    {
        NativeMemory.Free(Data);
        NativeMemory.Free(written);
        NativeMemory.Free(readSectors);
        NativeMemory.Free(writtenSectors);
        Data = written = readSectors = writtenSectors = null;
    }

    /// <summary>Makes the notes that a kernel writes to.</summary>
    internal void Use()
    {
        if (readSectors == null) readSectors = Zeros(Bytes / 32 + 2);
        if (writtenSectors == null) writtenSectors = Zeros(Bytes / 32 + 2);
        if (!Complete && written == null) written = Zeros(Bytes);
        InUse = true;
    }

    internal void MarkWritten(long offset, long count)
    {
        if (Complete) return;
        if (count == Bytes)
        {
            Complete = true;
            return;
        }
        if (written == null) written = Zeros(Bytes);
        new Span<byte>(written + offset, checked((int)count)).Fill(1);
    }

    /// <summary>What was written counts as not written again, as where a pool hands the bytes to somebody else.</summary>
    internal void Forget(long offset, long count)
    {
        if (written == null)
        {
            written = Zeros(Bytes);
            if (Complete) for (long at = 0; at < Bytes; at += int.MaxValue) new Span<byte>(written + at, (int)Math.Min(int.MaxValue, Bytes - at)).Fill(1);
        }
        Complete = false;
        new Span<byte>(written + offset, checked((int)count)).Clear();
    }

    /// <summary>The first byte of a range that has not been written, or −1.</summary>
    internal long FirstUnwritten(long offset, long count)
    {
        if (Complete || count == 0) return -1;
        if (written == null) return offset;
        for (long at = 0; at < count; at += 1 << 30)
        {
            int found = new Span<byte>(written + offset + at, (int)Math.Min(1 << 30, count - at)).IndexOf((byte)0);
            if (found >= 0) return offset + at + found;
        }
        return -1;
    }

    internal void TouchRead(long offset, long count) => Touch(readSectors, offset, count);

    internal void TouchWritten(long offset, long count) => Touch(writtenSectors, offset, count);

    /// <summary>Sectors of 32 bytes that have been read and written since the last time; also finds out whether all bytes have been written.</summary>
    internal (long Read, long Written) TakeTouched()
    {
        InUse = false;
        (long, long) touched = (Take(readSectors), Take(writtenSectors));
        if (touched.Item2 > 0 && !Complete && FirstUnwritten(0, Bytes) < 0) Complete = true;
        return touched;
    }

    long Take(byte* sectors)
    {
        if (sectors == null) return 0;
        long count = 0;
        for (long at = 0, all = Bytes / 32 + 2; at < all; at += 1 << 30)
        {
            Span<byte> part = new(sectors + at, (int)Math.Min(1 << 30, all - at));
            count += part.Count((byte)1);
            part.Clear();
        }
        return count;
    }

    static void Touch(byte* sectors, long offset, long count)
    {
        long first = offset >> 5, last = offset + count - 1 >> 5;
        if (first == last) sectors[first] = 1;
        else new Span<byte>(sectors + first, (int)(last - first + 1)).Fill(1);
    }

    static byte* Filled(long bytes)
    {
        byte* data = (byte*)NativeMemory.Alloc((nuint)Math.Max(bytes, 1));
        NativeMemory.Fill(data, (nuint)bytes, 0xFF);              // floats that are no numbers, should somebody look without checks
        return data;
    }

    static byte* Zeros(long bytes) => (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(bytes, 1));
}
