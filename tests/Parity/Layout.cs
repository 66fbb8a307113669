namespace MiniTorch.Tests.Parity;

/// <summary>How a tensor of the reference files (PyTorch's order) is turned into ours: for each rank the order in which the file's dimensions are taken.</summary>
public sealed record Layout(Func<int, int[]> Order)
{
    /// <summary>The same order on both sides.</summary>
    public static Layout Same { get; } = new(static rank => [.. Enumerable.Range(0, rank)]);

    /// <summary>(n, c, *spatial) → [n, *spatial, c]. Rank 2 and less stay as they are.</summary>
    public static Layout ChannelsLast { get; } = new(static rank => rank < 3 ? Same!.Order(rank) : [0, .. Enumerable.Range(2, rank - 2), 1]);

    /// <summary>Convolution weight or constructed kernel (out, in/g, *kernel) → [*kernel, in/g, out].</summary>
    public static Layout Kernel { get; } = new(static rank => [.. Enumerable.Range(2, rank - 2), 1, 0]);

    /// <summary>Linear weight (out, in) → [in, out]; DCLS weight (out, in/g, count) → [count, in/g, out].</summary>
    public static Layout Reversed { get; } = new(static rank => [.. Enumerable.Range(0, rank).Reverse()]);

    /// <summary>DCLS positions and sigmas (dims, out, in/g, count) → [dims, count, in/g, out].</summary>
    public static Layout Positions { get; } = new(static rank => [0, .. Enumerable.Range(1, rank - 1).Reverse()]);

    /// <summary>File values and shape in our order.</summary>
    public (double[] Values, Shape Shape) Read(StoredTensor stored)
    {
        int rank = stored.Shape.Rank;
        int[] order = Order(rank), strides = new int[rank], index = new int[rank];
        for (int d = rank - 1, stride = 1; d >= 0; stride *= stored.Shape[d--]) strides[d] = stride;
        int[] dims = [.. order.Select(d => stored.Shape[d])];
        double[] from = stored.ToDoubles(), to = new double[from.Length];
        for (int i = 0; i < to.Length; i++)
        {
            int at = 0;
            for (int d = 0; d < rank; d++) at += index[d] * strides[order[d]];
            to[i] = from[at];
            for (int d = rank - 1; d >= 0 && ++index[d] == dims[d]; d--) index[d] = 0;
        }
        return (to, Shape.Create(dims));
    }
}
