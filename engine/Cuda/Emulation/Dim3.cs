namespace MiniTorch.Cuda.Emulation;

/// <summary>Extent of a grid or block, or a place in it.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    internal long Count => (long)X * Y * Z;

    /// <summary>The place with the given number, x fastest.</summary>
    internal Dim3 At(long index) => new((int)(index % X), (int)(index / X % Y), (int)(index / ((long)X * Y)));

    public override string ToString() => $"({X}, {Y}, {Z})";
}
