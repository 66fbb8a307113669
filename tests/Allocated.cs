namespace MiniTorch.Tests;

/// <summary>Managed memory that work takes.</summary>
static class Allocated
{
    const int Windows = 5;

    /// <summary>
    /// Bytes that the calling thread takes for the work, the least of some times. A collection that another test causes meanwhile counts what was left of this thread's last block, up to 8 KiB, as taken; what the
    /// work takes is taken each time.
    /// </summary>
    internal static long Least(Action work)
    {
        long least = long.MaxValue;
        for (int w = 0; w < Windows && least > 0; w++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
