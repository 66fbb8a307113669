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

    /// <summary>Linear weight (out, in) → [in, out].</summary>
    public static Layout Reversed { get; } = new(static rank => [.. Enumerable.Range(0, rank).Reverse()]);

    /// <summary>DCLS weight (out, in/g, *dense, count) → [count, *dense, in/g, out].</summary>
    public static Layout Taps { get; } = new(static rank => [rank - 1, .. Enumerable.Range(2, rank - 3), 1, 0]);

    /// <summary>DCLS positions and sigmas (axes, out, in/g, *dense, count) → [axes, count, *dense, in/g, out].</summary>
    public static Layout Positions { get; } = new(static rank => [0, .. Taps!.Order(rank - 1).Select(static d => d + 1)]);

    /// <summary>File values and shape in our order.</summary>
    public (double[] Values, Shape Shape) Read(StoredTensor stored)
    {
        StoredTensor ours = stored.Permute(Order(stored.Shape.Rank));
        return (ours.ToDoubles(), ours.Shape);
    }
}
