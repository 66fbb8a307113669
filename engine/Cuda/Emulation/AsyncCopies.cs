using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// Copies from global to shared memory that a warp has begun. They happen when the warp waits for their group, as late as the rules allow: what is read before is caught.
/// </summary>
internal sealed unsafe class AsyncCopies
{
    readonly record struct Pending(ulong From, int To, int Bytes, int FromBytes, int Lane, int Group);

    readonly List<Pending> pending = [];
    int group;

    internal void Clear()
    {
        pending.Clear();
        group = 0;
    }

    /// <summary>cp.async: Count bytes to shared A from global B; of these the number in C is read and the rest is 0.</summary>
    internal static void Begin(Warp w, Operation* o, uint mask)
    {
        int bytes = o->Count;
        if (bytes is not (4 or 8 or 16)) throw w.Fault(o, BitOperations.TrailingZeroCount(mask), $"copies have 4, 8 or 16 bytes, not {bytes}");
        Pattern pattern = Addresses.Compute(w, o->A, o->Wide, o->Offset, mask, bytes);
        SharedSpace.Place(w, o, mask, bytes);
        OperationCounts* counts = w.Block.Counts + (o - w.Block.Code.Operations);
        Wavefronts.Count(counts, w.Addresses, mask, bytes, pattern);
        int* to = stackalloc int[Warp.Lanes];
        for (int l = 0; l < Warp.Lanes; l++) to[l] = (int)w.Addresses[l];
        uint reading = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest), wanted = o->C < 0 ? bytes : (int)w.Register<uint>(o->C)[l];
            if (wanted < 0 || wanted > bytes) throw w.Fault(o, l, $"the source has {wanted} of {bytes} bytes");
            if (wanted > 0) reading |= 1u << l;
            w.Copies.pending.Add(new(0, to[l], bytes, wanted, l, w.Copies.group));
            if (w.Block.Checks != Checks.None) for (int v = 0; v < bytes / 4; v++) w.Block.Shared.Expect(w, o, l, (to[l] >> 2) + v);
        }
        if (reading != 0) ReadSources(w, o, mask, reading, bytes, counts);
    }

    /// <summary>cp.async.commit_group.</summary>
    internal static void Commit(Warp w, Operation* o, uint mask)
    {
        CheckWhole(w, o, mask);
        w.Copies.group++;
    }

    /// <summary>cp.async.wait_group: all groups but the last Count.</summary>
    internal static void Wait(Warp w, Operation* o, uint mask)
    {
        CheckWhole(w, o, mask);
        w.Copies.Finish(w, o, w.Copies.group - o->Count);
    }

    /// <summary>cp.async.wait_all.</summary>
    internal static void WaitAll(Warp w, Operation* o, uint _) => w.Copies.Finish(w, o, int.MaxValue);

    static void CheckWhole(Warp w, Operation* o, uint mask)
    {
        if (mask != w.Present) throw w.Fault(o, BitOperations.TrailingZeroCount(mask), $"divergent: lanes {mask:x8} of {w.Present:x8} are here, and groups are counted for the warp");
    }

    static void ReadSources(Warp w, Operation* o, uint mask, uint reading, int bytes, OperationCounts* counts)
    {
        Pattern pattern = Addresses.Compute(w, o->B, o->WideSource, o->SourceOffset, reading, bytes);
        Sectors.Count(counts, w.Addresses, reading, bytes, pattern);
        Span<Pending> added = CollectionsMarshal.AsSpan(w.Copies.pending)[^BitOperations.PopCount(mask)..];
        foreach (ref Pending copy in added)
        {
            if (copy.FromBytes == 0) continue;
            ulong from = w.Addresses[copy.Lane];
            if ((from & (ulong)(bytes - 1)) != 0) throw w.Fault(o, copy.Lane, $"misaligned: 0x{from:x} for a copy of {bytes} bytes");
            Allocation allocation = Memory.Check(w, o, copy.Lane, from, copy.FromBytes, "copies from");
            long offset = (long)(from - allocation.Address);
            if ((w.Block.Checks & Checks.Uninitialised) != 0) Memory.CheckWritten(w, o, allocation, copy.Lane, offset, copy.FromBytes, bytes);
            allocation.TouchRead(offset, copy.FromBytes);
            copy = copy with { From = allocation.Origin + from };
        }
    }

    void Finish(Warp w, Operation* o, int before)
    {
        int kept = 0;
        foreach (Pending copy in CollectionsMarshal.AsSpan(pending))
        {
            if (copy.Group >= before)
            {
                pending[kept++] = copy;
                continue;
            }
            byte* to = w.Block.Shared.Data + copy.To;
            new Span<byte>((void*)copy.From, copy.FromBytes).CopyTo(new Span<byte>(to, copy.Bytes));
            new Span<byte>(to + copy.FromBytes, copy.Bytes - copy.FromBytes).Clear();
            if (w.Block.Checks != Checks.None) for (int v = 0; v < copy.Bytes / 4; v++) w.Block.Shared.WriteWord(w, o, copy.Lane, (copy.To >> 2) + v, 15, atomic: false);
        }
        pending.RemoveRange(kept, pending.Count - kept);
    }
}
