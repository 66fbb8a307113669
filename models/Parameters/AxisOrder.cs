namespace MiniTorch.Models;

/// <summary>
/// How the dimensions of a parameter in a checkpoint (PyTorch's order, so that its users can read the file) map to ours (channels last).
/// </summary>
public sealed class AxisOrder
{
    readonly Func<int, int[]> ours;

    AxisOrder(Func<int, int[]> ours) => this.ours = ours;

    /// <summary>The same on both sides: biases, norms.</summary>
    public static AxisOrder Same { get; } = new(static rank => Range(0, rank, 1));

    /// <summary>Convolution weight: (out, in/g, *kernel) in files, [*kernel, in/g, out] here.</summary>
    public static AxisOrder Kernel { get; } = new(static rank => [.. Range(2, rank - 2, 1), 1, 0]);

    /// <summary>A map of features: (c, *spatial) in files, [*spatial, c] here.</summary>
    public static AxisOrder Map { get; } = new(static rank => [.. Range(1, rank - 1, 1), 0]);

    /// <summary>Linear weight: (out, in) in files, [in, out] here.</summary>
    public static AxisOrder Reversed { get; } = new(static rank => Range(rank - 1, rank, -1));

    /// <summary>DCLS weight: (out, in/g, *dense, count) in files, [count, *dense, in/g, out] here.</summary>
    public static AxisOrder Taps { get; } = new(static rank => [rank - 1, .. Range(2, rank - 3, 1), 1, 0]);

    /// <summary>DCLS positions and sigmas: (axes, out, in/g, *dense, count) in files, [axes, count, *dense, in/g, out] here.</summary>
    public static AxisOrder Positions { get; } = new(static rank => [0, rank - 1, .. Range(3, rank - 4, 1), 2, 1]);

    /// <summary>A file's tensor in our order.</summary>
    public StoredTensor FromFile(StoredTensor stored) => stored.Permute(ours(stored.Shape.Rank));

    /// <summary>Our tensor in a file's order.</summary>
    public StoredTensor ToFile(StoredTensor stored) => stored.Permute(Theirs(stored.Shape.Rank));

    /// <summary>The shape that a file has of our tensor of this one.</summary>
    public Shape ToFile(Shape shape) => Shape.Create([.. Theirs(shape.Rank).Select(d => shape[d])]);

    int[] Theirs(int rank)
    {
        int[] order = ours(rank), inverse = new int[order.Length];
        for (int d = 0; d < order.Length; d++) inverse[order[d]] = d;
        return inverse;
    }

    static int[] Range(int first, int count, int step)
    {
        int[] r = new int[Math.Max(0, count)];
        for (int i = 0; i < r.Length; i++) r[i] = first + i * step;
        return r;
    }
}
