namespace MiniTorch.Ops;

/// <summary>
/// Rows of sums that blocks of a kernel left, one a block, added up in the order of the blocks: the second half of a reduction that is equal for any number of threads.
/// </summary>
static unsafe partial class Partials
{
    /// <summary>sums[i] = Σ partial[block, i] over the blocks, i below width.</summary>
    internal static void Sum<T, V>(T* partial, int blocks, int width, T* sums) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
    {
        int i = 0;
        for (; i <= width - V.Count; i += V.Count)
        {
            V s = V.Of(0);
            for (int b = 0; b < blocks; b++) s += V.Load(partial + (long)b * width + i);
            s.Store(sums + i);
        }
        for (; i < width; i++)
        {
            T s = T.Zero;
            for (int b = 0; b < blocks; b++) s += partial[(long)b * width + i];
            sums[i] = s;
        }
    }
}
