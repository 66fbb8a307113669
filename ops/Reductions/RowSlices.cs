using MiniTorch.Cuda;

namespace MiniTorch.Ops;

/// <summary>
/// How a GPU sums the columns of [rows, columns]: a block sums 32 columns over a slice of rows, and what the slices leave, [slices, columns], is then merged in order. Depends on
/// the shape alone.
/// </summary>
readonly record struct RowSlices
{
    const int BlockColumns = 32, BlockRows = 8, LeastRows = 8 * BlockRows, MostBlocks = 1024;

    internal RowSlices(int rows, int columns)
    {
        int across = Workers.Blocks(columns, BlockColumns);
        Rows = Math.Max(LeastRows, Workers.Blocks(rows, Math.Max(1, MostBlocks / Math.Max(1, across))));
        Count = Workers.Blocks(rows, Rows);
        Grid = checked(Count * across);
    }

    /// <summary>Rows of a slice.</summary>
    internal int Rows { get; }

    /// <summary>Number of slices.</summary>
    internal int Count { get; }

    /// <summary>Blocks, the columns of a slice one after the other.</summary>
    internal Dim3 Grid { get; }

    /// <summary>Threads of a block: columns by rows.</summary>
    internal static Dim3 Block => new(BlockColumns, BlockRows);
}
