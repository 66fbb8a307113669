using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Counts the 32-byte sectors of global memory that an access touches.</summary>
internal static unsafe class Sectors
{
    internal static void Count(OperationCounts* counts, ulong* addresses, uint mask, int bytes, Pattern pattern)
    {
        long sectors, distinct;
        if (pattern == Pattern.Contiguous)
        {
            distinct = (long)Warp.Lanes * bytes;
            sectors = (long)((addresses[0] + (ulong)distinct - 1 >> 5) - (addresses[0] >> 5)) + 1;
        }
        else if (pattern == Pattern.Broadcast) (distinct, sectors) = (bytes, 1);
        else
        {
            int shift = BitOperations.Log2((uint)bytes);
            distinct = (long)bytes * Distinct(addresses, mask, shift);
            sectors = Distinct(addresses, mask, 5);
        }
        counts->Sectors += sectors;
        counts->IdealSectors += distinct + 31 >> 5;
        counts->GlobalBytes += distinct;
    }

    /// <summary>Number of different addresses once the lowest bits are dropped.</summary>
    [SkipLocalsInit]
    internal static int Distinct(ulong* addresses, uint mask, int shift)
    {
        ulong* seen = stackalloc ulong[Warp.Lanes];
        int count = 0;
        bool ascending = true;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            ulong a = addresses[BitOperations.TrailingZeroCount(rest)] >> shift;
            if (count > 0 && a == seen[count - 1]) continue;
            if (count > 0 && a < seen[count - 1]) ascending = false;
            if (!ascending && new Span<ulong>(seen, count).Contains(a)) continue;
            seen[count++] = a;
        }
        return count;
    }
}
