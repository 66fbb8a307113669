using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// Shared memory of the block that runs. For each word two notes say who wrote it last and who read it last, and when: time counts barriers, and goes on from block to
/// block, so that a new block finds everything unwritten and a barrier makes everything old without touching a note.
/// </summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    // A note: time << 8 | atomic | partial | warp. Of a partial word each byte has a note of its own: written in this block | written since the barrier | warp.
    const uint Written = 128, Recent = 64, AllWritten = 0x80808080;
    const uint Atomic = 128, Partial = 64, Several = 63, WarpBits = 63, InFlight = 1;
    const int LatestTime = (1 << 23) - 1, RestartTime = 1 << 22;

    readonly uint* writers, readers, parts;
    readonly int words;
    uint now = 1, start = 1;

    internal SharedMemory(int bytes)
    {
        Bytes = bytes;
        words = (bytes + 3) / 4;
        Data = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + 64, 128);
        writers = (uint*)NativeMemory.AllocZeroed((nuint)words + 8, 4);
        readers = (uint*)NativeMemory.AllocZeroed((nuint)words + 8, 4);
        parts = (uint*)NativeMemory.AllocZeroed((nuint)words + 8, 4);
        NativeMemory.Fill(Data, (nuint)bytes, 0xFF);
    }

    internal int Bytes { get; }

    internal byte* Data { get; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Data);
        NativeMemory.Free(writers);
        NativeMemory.Free(readers);
        NativeMemory.Free(parts);
    }

    /// <summary>A new block: nothing is written.</summary>
    internal void Start()
    {
        start = ++now;
        if (now < RestartTime) return;
        NativeMemory.Clear(writers, (nuint)words * 4);
        NativeMemory.Clear(readers, (nuint)words * 4);
        start = now = 1;
    }

    /// <summary>All warps have met: what was written is there for everybody.</summary>
    internal void PassBarrier()
    {
        if (++now > LatestTime) throw new EmulationException("a block passed more than four million barriers");
    }

    /// <summary>Checks and notes a reading of whole words by all lanes.</summary>
    internal void Read(Warp w, Operation* o, int count, Pattern pattern)
    {
        if (w.Block.Checks == Checks.None) return;
        uint past = start << 8, present = now << 8, mine = present | (uint)w.Number;
        int each = o->List == null ? count : count / o->Count;                          // words of an element
        for (int v = 0; v < count; v++)
        {
            if ((o->Unread >> v / each & 1) != 0) continue;
            for (int i = 0; i < (pattern == Pattern.Broadcast ? 1 : 4); i++)
            {
                Vector256<int> at = Words(w.Addresses, i) + Vector256.Create(v);
                Vector256<uint> e = Gather(writers, at), r = Gather(readers, at);
                Vector256<int> old = Vector256.GreaterThanOrEqual(e.AsInt32(), Vector256.Create((int)past)) & Vector256.LessThan(e.AsInt32(), Vector256.Create((int)present));
                Vector256<uint> own = Vector256.Equals(e & Vector256.Create(~Atomic), Vector256.Create(mine));
                Vector256<uint> fine = (old.AsUInt32() | own) & Vector256.Equals(e & Vector256.Create(Partial), Vector256<uint>.Zero);
                Vector256<uint> unread = Vector256.LessThan(r.AsInt32(), Vector256.Create((int)present)).AsUInt32() | Vector256.Equals(r, Vector256.Create(mine));
                if ((fine & unread) != Vector256<uint>.AllBitsSet)
                {
                    for (int l = 8 * i; l < 8 * i + 8; l++) ReadWord(w, o, l, (int)(w.Addresses[l] >> 2) + v, 15);
                    continue;
                }
                if (r == Vector256.Create(mine)) continue;
                for (int l = 0; l < 8; l++) readers[at[l]] = mine;
            }
        }
    }

    /// <summary>Checks and notes a writing of whole words by all lanes.</summary>
    internal void Write(Warp w, Operation* o, int count, Pattern pattern)
    {
        if (w.Block.Checks == Checks.None) return;
        uint present = now << 8, mine = present | (uint)w.Number;
        for (int v = 0; v < count; v++)
            for (int i = 0; i < (pattern == Pattern.Broadcast ? 1 : 4); i++)
            {
                Vector256<int> at = Words(w.Addresses, i) + Vector256.Create(v);
                Vector256<uint> e = Gather(writers, at), r = Gather(readers, at), own = Vector256.Create(mine);
                Vector256<uint> fine = Vector256.LessThan(e.AsInt32(), Vector256.Create((int)present)).AsUInt32() | Vector256.Equals(e, own);
                Vector256<uint> unread = Vector256.LessThan(r.AsInt32(), Vector256.Create((int)present)).AsUInt32() | Vector256.Equals(r, own);
                if ((fine & unread) != Vector256<uint>.AllBitsSet)
                {
                    for (int l = 8 * i; l < 8 * i + 8; l++) WriteWord(w, o, l, (int)(w.Addresses[l] >> 2) + v, 15, atomic: false);
                    continue;
                }
                if (e == own) continue;
                for (int l = 0; l < 8; l++) writers[at[l]] = mine;
            }
    }

    /// <summary>Checks and notes a reading of some bytes of a word.</summary>
    internal void ReadWord(Warp w, Operation* o, int lane, int word, int bytes)
    {
        uint e = writers[word], notes = BytesOf(word), r = readers[word], mine = now << 8 | (uint)w.Number;
        for (int b = 0; b < 4; b++, notes >>= 8)
        {
            if ((bytes >> b & 1) == 0) continue;
            if ((w.Block.Checks & Checks.Uninitialised) != 0 && (notes & Written) == 0)
                throw w.Fault(o, lane, e == InFlight ? $"reads {Place(w, word)} while an asynchronous copy into it is under way: wait for it first" : $"reads {Place(w, word)}, which nobody has written");
            if ((w.Block.Checks & Checks.Races) != 0 && (notes & Recent) != 0 && (notes & WarpBits) != w.Number)
                throw w.Fault(o, lane, $"race: reads {Place(w, word)}, which {Who(notes)} wrote with no barrier since");
        }
        if ((e & Partial) != 0 && e >> 8 != now && (parts[word] & AllWritten) == AllWritten) writers[word] = e & ~Partial;
        readers[word] = r >> 8 == now && r != mine ? now << 8 | Several : mine;
    }

    /// <summary>Checks and notes a writing, or an atomic change, of some bytes of a word.</summary>
    internal void WriteWord(Warp w, Operation* o, int lane, int word, int bytes, bool atomic)
    {
        uint e = writers[word], notes = BytesOf(word), r = readers[word], mine = now << 8 | (uint)w.Number, written = 0;
        bool together = atomic && (e & Atomic) != 0, stranger = false;
        for (int b = 0; b < 4; b++)
        {
            uint note = notes >> 8 * b & 255;
            bool strange = (note & Recent) != 0 && (note & WarpBits) != w.Number;
            if ((bytes >> b & 1) != 0)
            {
                if (strange && !together && (w.Block.Checks & Checks.Races) != 0) throw w.Fault(o, lane, $"race: writes {Place(w, word)}, which {Who(note)} wrote with no barrier since");
                stranger |= strange;
                note = Written | Recent | (uint)w.Number;
            }
            written |= note << 8 * b;
        }
        if ((w.Block.Checks & Checks.Races) != 0 && r >> 8 == now && r != mine) throw w.Fault(o, lane, $"race: writes {Place(w, word)}, which {Who(r)} read with no barrier since");
        parts[word] = written;
        bool whole = written == (Written | Recent | (uint)w.Number) * 0x01010101u;
        writers[word] = now << 8 | (atomic ? Atomic : 0) | (whole ? 0 : Partial) | (stranger && together ? Several : (uint)w.Number);
    }

    /// <summary>Notes of the four bytes of a word.</summary>
    uint BytesOf(int word)
    {
        uint e = writers[word], time = e >> 8;
        if (time < start) return 0;
        if ((e & Partial) == 0) return (Written | (time == now ? Recent | e & WarpBits : 0)) * 0x01010101u;
        return time == now ? parts[word] : parts[word] & AllWritten;
    }

    /// <summary>An atomic change: reads what is there, and is no race with other atomic changes.</summary>
    internal void UpdateWord(Warp w, Operation* o, int lane, int word, int bytes)
    {
        if ((w.Block.Checks & Checks.Uninitialised) != 0 && (BytesOf(word) & AllWritten) != AllWritten)
            throw w.Fault(o, lane, $"changes {Place(w, word)}, which nobody has written");
        WriteWord(w, o, lane, word, bytes, atomic: true);
    }

    /// <summary>A copy into the word is under way: what it held is gone, what it will hold is not there.</summary>
    internal void Expect(Warp w, Operation* o, int lane, int word)
    {
        WriteWord(w, o, lane, word, 15, atomic: false);
        writers[word] = InFlight;
    }

    static Vector256<int> Words(ulong* addresses, int i)
        => Vector256.Narrow(Vector256.Load(addresses + 8 * i), Vector256.Load(addresses + 8 * i + 4)).AsInt32() >> 2;

    static Vector256<uint> Gather(uint* from, Vector256<int> at)
    {
        if (Avx2.IsSupported) return Avx2.GatherVector256(from, at, 4);
        Vector256<uint> values = default;
        for (int l = 0; l < 8; l++) values = values.WithElement(l, from[at[l]]);
        return values;
    }

    static string Who(uint note) => (note & WarpBits) == Several ? "several warps" : $"warp {note & WarpBits}";

    static string Place(Warp w, int word)
    {
        (string Name, int Offset) nearest = ("", -1);
        foreach ((string Name, int Offset) variable in w.Block.Code.SharedVariables) if (variable.Offset <= 4 * word && variable.Offset > nearest.Offset) nearest = variable;
        if (w.Block.DynamicBytes > 0 && 4 * word >= w.Block.Code.DynamicOffset) nearest = ("dynamic", w.Block.Code.DynamicOffset);
        return $"byte {4 * word} of shared memory{(nearest.Offset < 0 ? "" : $" ({nearest.Name} + {4 * word - nearest.Offset})")}";
    }
}
