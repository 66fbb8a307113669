using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Shared memory of a block: addresses are offsets.</summary>
internal readonly unsafe struct SharedSpace : ISpace
{
    public static Pattern Resolve(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        Pattern pattern = Addresses.Compute(w, o->A, o->Wide, o->Offset, mask, bytes);
        Place(w, o, mask, bytes);
        SharedMemory shared = w.Block.Shared;
        if (access == Access.Update || bytes < 4) Note(w, o, mask, bytes, access);
        else if (access == Access.Read) shared.Read(w, o, bytes / 4, pattern);
        else shared.Write(w, o, bytes / 4, pattern);
        Wavefronts.Count(w.Block.Counts + (o - w.Block.Code.Operations), w.Addresses, mask, bytes, pattern);
        return pattern;
    }

    /// <summary>Checks range and alignment of <see cref="Warp.Addresses"/> and fills <see cref="Warp.At"/>.</summary>
    internal static void Place(Warp w, Operation* o, uint mask, int bytes)
    {
        SharedMemory shared = w.Block.Shared;
        Vector256<ulong> origin = Vector256.Create((ulong)shared.Data), beyond = Vector256<ulong>.Zero, all = beyond;
        Vector256<ulong> limit = Vector256.Create((ulong)Math.Max(shared.Bytes - bytes, 0));
        for (int i = 0; i < 8; i++)
        {
            Vector256<ulong> a = Vector256.Load(w.Addresses + 4 * i);
            beyond |= Vector256.GreaterThan(a, limit);
            all |= a;
            (a + origin).Store((ulong*)w.At + 4 * i);
        }
        if ((beyond | all & Vector256.Create((ulong)(bytes - 1))) == Vector256<ulong>.Zero && shared.Bytes >= bytes) return;
        for (uint rest = mask; rest != 0; rest &= rest - 1) Check(w, o, BitOperations.TrailingZeroCount(rest), w.Addresses[BitOperations.TrailingZeroCount(rest)], bytes);
    }

    internal static void Check(Warp w, Operation* o, int lane, ulong offset, int bytes)
    {
        int size = w.Block.Shared.Bytes;
        if (offset > (ulong)size || (ulong)size - offset < (ulong)bytes)
            throw w.Fault(o, lane, $"byte {(long)offset} of shared memory, {bytes} bytes, is out of bounds: the block has {size} bytes");
        if ((offset & (ulong)(bytes - 1)) != 0) throw w.Fault(o, lane, $"misaligned: byte {offset} of shared memory for an access of {bytes} bytes");
    }

    static void Note(Warp w, Operation* o, uint mask, int bytes, Access access)
    {
        if (w.Block.Checks == Checks.None) return;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int l = BitOperations.TrailingZeroCount(rest), word = (int)(w.Addresses[l] >> 2);
            int part = bytes >= 4 ? 15 : (1 << bytes) - 1 << (int)(w.Addresses[l] & 3);
            for (int v = 0; v < (bytes + 3) / 4; v++)
            {
                if (access == Access.Read) w.Block.Shared.ReadWord(w, o, l, word + v, part);
                else if (access == Access.Write) w.Block.Shared.WriteWord(w, o, l, word + v, part, atomic: false);
                else w.Block.Shared.UpdateWord(w, o, l, word + v, part);
            }
        }
    }
}

/// <summary>Counts the wavefronts of shared memory: 32, 16 or 8 lanes at a time for 4, 8 or 16 bytes, as many as different words meet in one of the 32 banks.</summary>
internal static unsafe class Wavefronts
{
    internal static void Count(OperationCounts* counts, ulong* addresses, uint mask, int bytes, Pattern pattern)
    {
        int lanes = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8, phases = Warp.Lanes / lanes;
        if (pattern != Pattern.Scattered)
        {
            int used = 0;
            for (int p = 0; p < phases; p++) if ((mask >> p * lanes & Low(lanes)) != 0) used++;
            counts->Wavefronts += used;
            counts->IdealWavefronts += used;
            return;
        }
        for (int p = 0; p < phases; p++)
        {
            uint part = mask >> p * lanes & Low(lanes);
            if (part == 0) continue;
            counts->IdealWavefronts++;
            counts->Wavefronts += Conflicts(addresses + p * lanes, part, Math.Max(bytes / 4, 1));
        }
    }

    static uint Low(int lanes) => lanes == 32 ? uint.MaxValue : (1u << lanes) - 1;

    /// <summary>Most different words in one bank.</summary>
    [SkipLocalsInit]
    internal static int Conflicts(ulong* addresses, uint mask, int words)
    {
        uint* seen = stackalloc uint[Warp.Lanes * Warp.Lanes];              // a row of words for each bank
        int* count = stackalloc int[Warp.Lanes];
        new Span<int>(count, Warp.Lanes).Clear();
        int most = 1;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            uint word = (uint)(addresses[BitOperations.TrailingZeroCount(rest)] >> 2);
            for (int v = 0; v < words; v++, word++)
            {
                int bank = (int)(word & 31), n = count[bank];
                uint* row = seen + Warp.Lanes * bank;
                int i = 0;
                while (i < n && row[i] != word) i++;
                if (i < n) continue;
                row[n] = word;
                count[bank] = n + 1;
                most = Math.Max(most, n + 1);
            }
        }
        return most;
    }
}
