namespace MiniTorch;

/// <summary>
/// Memory that a step keeps to itself while its addresses are fixed: what was taken from the pool while the arena was in use comes back to the arena, and is chosen there as it is in the pool,
/// by size and then by lowest address. Nobody else gets it until the pool takes the arena back.
/// </summary>
sealed class Arena
{
    readonly Dictionary<long, List<nint>> free = [];

    /// <summary>True once the pool has it back.</summary>
    internal bool Ended { get; private set; }

    /// <summary>A free block of exactly this size; 0 if there is none.</summary>
    internal nint Take(long size) => free.TryGetValue(size, out List<nint>? list) && list.Count > 0 ? Blocks.TakeLowest(list) : 0;

    internal void Put(long size, nint address)
    {
        if (!free.TryGetValue(size, out List<nint>? list)) free[size] = list = [];
        Blocks.Put(list, address);
    }

    /// <summary>Its free blocks, which from now on are the caller's.</summary>
    internal IEnumerable<(long Size, nint Address)> End()
    {
        Ended = true;
        foreach ((long size, List<nint> list) in free)
            foreach (nint address in list) yield return (size, address);
    }
}

/// <summary>Free blocks of one size: addresses, falling, so that the lowest is at the end.</summary>
static class Blocks
{
    internal static nint TakeLowest(List<nint> list)
    {
        nint address = list[^1];
        list.RemoveAt(list.Count - 1);
        return address;
    }

    internal static void Put(List<nint> list, nint address)
    {
        if (list.Count == 0 || list[^1] > address)
        {
            list.Add(address);
            return;
        }
        int lo = 0, hi = list.Count;
        while (lo < hi)
        {
            int mid = (lo + hi) / 2;
            if (list[mid] > address) lo = mid + 1;
            else hi = mid;
        }
        list.Insert(lo, address);
    }
}
