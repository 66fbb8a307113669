namespace MiniTorch;

/// <summary>
/// Memory that a tile asks for while it computes, so that it lies in L2 when its turn comes: for each line of depth that the tile walks along (64 bytes of a row of
/// A), the six lines at <see cref="At"/> + r · <see cref="Row"/>, r &lt; 6, which then move on by <see cref="Step"/> elements. A hint: an address outside of every
/// operand does no harm.
/// </summary>
readonly unsafe struct Ahead<T>(T* at, nint row, nint step) where T : unmanaged
{
    internal readonly T* At = at;
    internal readonly nint Row = row, Step = step;

    /// <summary>Tiles that it takes to ask for all of a stored block [rows, columns], each walking along so many lines.</summary>
    internal static int Tiles(int rows, int columns, int lines) => Workers.Blocks(rows, lines) * Workers.Blocks(columns, GemmTile.Rows * CacheLine.Of<T>());

    /// <summary>What one of these tiles asks for.</summary>
    internal static Ahead<T> Of(T* block, int leading, int rows, int lines, int tile)
    {
        int high = Workers.Blocks(rows, lines), line = CacheLine.Of<T>();
        return new(block + (long)(tile % high * lines) * leading + tile / high * GemmTile.Rows * line, line, leading);
    }
}
