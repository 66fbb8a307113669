using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>How the addresses of a warp lie to each other.</summary>
internal enum Pattern { Scattered, Contiguous, Broadcast }

/// <summary>What is done at an address.</summary>
internal enum Access { Read, Write, Update }

/// <summary>A state space: turns the addresses of a warp into places in this process, after all checks, and counts what the access costs.</summary>
internal unsafe interface ISpace
{
    /// <summary>Fills <see cref="Warp.At"/>; lanes outside of the mask get the place of the first one inside.</summary>
    static abstract Pattern Resolve(Warp w, Operation* o, uint mask, int bytes, Access access);
}

/// <summary>Global memory.</summary>
internal readonly unsafe struct GlobalSpace : ISpace
{
    public static Pattern Resolve(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        Pattern pattern = Addresses.Compute(w, o->A, o->Wide, o->Offset, mask, bytes);
        Memory.Resolve(w, o, mask, bytes, access, pattern);
        OperationCounts* counts = w.Block.Counts + (o - w.Block.Code.Operations);
        Sectors.Count(counts, w.Addresses, mask, bytes, pattern);
        return pattern;
    }
}

/// <summary>Constant memory: as global, but served by a cache of its own and not counted.</summary>
internal readonly unsafe struct ConstantSpace : ISpace
{
    public static Pattern Resolve(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        Pattern pattern = Addresses.Compute(w, o->A, o->Wide, o->Offset, mask, bytes);
        Memory.Resolve(w, o, mask, bytes, access, pattern);
        return pattern;
    }
}

/// <summary>Parameters of the kernel.</summary>
internal readonly unsafe struct ParameterSpace : ISpace
{
    public static Pattern Resolve(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        Pattern pattern = Addresses.Compute(w, o->A, o->Wide, o->Offset, mask, bytes);
        int size = w.Block.Code.Kernel.ParameterBytes;
        for (int l = 0; l < Warp.Lanes; l++)
        {
            ulong offset = w.Addresses[l];
            if (offset > (ulong)size || (ulong)size - offset < (ulong)bytes) throw w.Fault(o, l, $"reads bytes {offset} to {offset + (ulong)bytes} of {size} bytes of parameters");
            if ((offset & (ulong)(bytes - 1)) != 0) throw w.Fault(o, l, $"misaligned: parameter byte {offset} for an access of {bytes} bytes");
            w.At[l] = w.Block.Parameters + offset;
        }
        return pattern;
    }
}

/// <summary>Addresses of the lanes of a warp.</summary>
internal static unsafe class Addresses
{
    /// <summary>Register plus offset for every lane into <see cref="Warp.Addresses"/>, and how they lie.</summary>
    internal static Pattern Compute(Warp w, int register, bool wide, long offset, uint mask, int bytes)
    {
        ulong* to = w.Addresses;
        Vector256<ulong> add = Vector256.Create((ulong)offset);
        if (wide) for (int i = 0; i < 8; i++) (w.Register<Vector256<ulong>>(register)[i] + add).Store(to + 4 * i);
        else for (int i = 0; i < 8; i++) (Vector256.WidenLower(Vector128.Load(w.Register<uint>(register) + 4 * i).ToVector256Unsafe()) + add).Store(to + 4 * i);
        if (mask != uint.MaxValue)
        {
            Vector256<ulong> first = Vector256.Create(to[BitOperations.TrailingZeroCount(mask)]);
            for (int i = 0; i < 8; i++) Vector256.ConditionalSelect(Lane.Mask<ulong>(mask, i), Vector256.Load(to + 4 * i), first).Store(to + 4 * i);
        }
        return PatternOf(to, bytes);
    }

    static Pattern PatternOf(ulong* at, int bytes)
    {
        Vector256<ulong> first = Vector256.Create(at[0]), step = Vector256.Create((ulong)bytes) * Vector256.Create(0UL, 1, 2, 3), four = Vector256.Create(4 * (ulong)bytes);
        Vector256<ulong> same = Vector256<ulong>.Zero, ramp = same, expected = first + step;
        for (int i = 0; i < 8; i++)
        {
            Vector256<ulong> a = Vector256.Load(at + 4 * i);
            same |= a ^ first;
            ramp |= a ^ expected;
            expected += four;
        }
        return ramp == Vector256<ulong>.Zero ? Pattern.Contiguous : same == Vector256<ulong>.Zero ? Pattern.Broadcast : Pattern.Scattered;
    }
}

/// <summary>Checks of accesses to global memory.</summary>
internal static unsafe class Memory
{
    internal static void Resolve(Warp w, Operation* o, uint mask, int bytes, Access access, Pattern pattern)
    {
        ulong* addresses = w.Addresses;
        ulong first = addresses[0];
        Allocation? allocation = w.Block.LastAllocation;
        if (allocation is null || first - allocation.Address >= (ulong)allocation.Bytes || allocation.Freed) allocation = w.Block.Memory.Find(first);
        if (allocation is null || allocation.Freed || !Within(addresses, allocation, bytes))
        {
            ResolveEach(w, o, mask, bytes, access);
            return;
        }
        w.Block.LastAllocation = allocation;
        if (!allocation.InUse) w.Block.Memory.Use(allocation);
        Vector256<ulong> origin = Vector256.Create(allocation.Origin);
        for (int i = 0; i < 8; i++) (Vector256.Load(addresses + 4 * i) + origin).Store((ulong*)w.At + 4 * i);
        ulong start = first - allocation.Address;
        if (pattern == Pattern.Scattered) for (uint rest = mask; rest != 0; rest &= rest - 1) Note(w, o, allocation, BitOperations.TrailingZeroCount(rest), bytes, bytes, access);
        else Note(w, o, allocation, 0, pattern == Pattern.Contiguous ? Warp.Lanes * bytes : bytes, bytes, access);
    }

    static bool Within(ulong* addresses, Allocation allocation, int bytes)
    {
        if (allocation.Bytes < bytes) return false;
        Vector256<ulong> start = Vector256.Create(allocation.Address), limit = Vector256.Create((ulong)(allocation.Bytes - bytes)), beyond = Vector256<ulong>.Zero, all = beyond;
        for (int i = 0; i < 8; i++)
        {
            Vector256<ulong> a = Vector256.Load(addresses + 4 * i);
            beyond |= Vector256.GreaterThan(a - start, limit);
            all |= a;
        }
        return (beyond | all & Vector256.Create((ulong)(bytes - 1))) == Vector256<ulong>.Zero;
    }

    static void ResolveEach(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest);
            Allocation allocation = Check(w, o, l, w.Addresses[l], bytes, access == Access.Read ? "reads" : access == Access.Write ? "writes" : "changes");
            w.At[l] = (byte*)(allocation.Origin + w.Addresses[l]);
            Note(w, o, allocation, l, bytes, bytes, access);
        }
        byte* first = w.At[BitOperations.TrailingZeroCount(mask)];
        for (uint rest = ~mask; rest != 0; rest &= rest - 1) w.At[BitOperations.TrailingZeroCount(rest)] = first;
    }

    /// <summary>The allocation of an access, or the fault that it is.</summary>
    internal static Allocation Check(Warp w, Operation* o, int lane, ulong address, int bytes, string what)
    {
        Allocation? allocation = w.Block.Memory.Find(address);
        if (allocation is null || allocation.Freed || address - allocation.Address + (ulong)bytes > (ulong)allocation.Bytes)
            throw w.Fault(o, lane, $"{what} {bytes} bytes at 0x{address:x}, which {w.Block.Memory.Describe(Beyond(allocation, address))}");
        if ((address & (ulong)(bytes - 1)) != 0) throw w.Fault(o, lane, $"misaligned: 0x{address:x} for an access of {bytes} bytes");
        if (!allocation.InUse) w.Block.Memory.Use(allocation);
        return allocation;
    }

    /// <summary>Of an access that begins inside and ends outside, the first byte outside.</summary>
    static ulong Beyond(Allocation? allocation, ulong address)
        => allocation is { Freed: false } && address - allocation.Address < (ulong)allocation.Bytes ? Math.Max(address, allocation.Address + (ulong)allocation.Bytes) : address;

    /// <summary>Whether what is read has been written, and notes what is touched.</summary>
    static void Note(Warp w, Operation* o, Allocation allocation, int lane, int count, int bytes, Access access)
    {
        long offset = (long)(w.Addresses[lane] - allocation.Address);
        if (access != Access.Write)
        {
            allocation.TouchRead(offset, count);
            if (!allocation.Complete && (w.Block.Checks & Checks.Uninitialised) != 0)
            {
                if (o->Unread == 0) CheckWritten(w, o, allocation, lane, offset, count, bytes);
                else CheckElements(w, o, allocation, lane, offset, count, bytes);
            }
        }
        if (access == Access.Read) return;
        allocation.TouchWritten(offset, count);
        if (!allocation.Complete) allocation.MarkWritten(offset, count);
    }

    /// <summary>Checks only the elements of vectors that somebody reads.</summary>
    static void CheckElements(Warp w, Operation* o, Allocation allocation, int lane, long offset, int count, int bytes)
    {
        int size = bytes / o->Count;
        for (int at = 0; at < count; at += size)
            if ((o->Unread >> at % bytes / size & 1) == 0) CheckWritten(w, o, allocation, lane + at / bytes, offset + at, size, bytes);
    }

    internal static void CheckWritten(Warp w, Operation* o, Allocation allocation, int lane, long offset, int count, int bytes)
    {
        long first = allocation.FirstUnwritten(offset, count);
        if (first >= 0)
            throw w.Fault(o, lane + (int)(first - offset) / bytes, $"reads global memory that nobody has written: byte {first} of allocation {allocation.Number} ({allocation.Bytes} bytes)");
    }
}
