namespace MiniTorch.Ops;

/// <summary>
/// How a row of P is read: where its zero lies, how far it may go, and which axis it drives. A row's half window h is both: its zero is the grid index h of the axis it
/// drives, and it is kept within ±h. For square windows of odd size all conventions but the last are the same to the last bit.
/// </summary>
public enum Convention
{
    /// <summary>
    /// The right one, for new models: h = (s − 1)/2 with s the size of the axis that the row drives. Zero is the middle of the window and ±h are its first and last cell,
    /// for windows that are not square and for even sizes too, where zero lies between two cells.
    /// </summary>
    Centered,

    /// <summary>
    /// As the official package computes it, for its checkpoints: h = ⌊s/2⌋ with s the size at the row's own index, also where the row drives another axis. In a 5×9 window
    /// (v1, max, gauss) zero then falls on cell (4, 2) instead of (2, 4), and taps near a corner are lost; with an even size the limit +h is one past the last cell.
    /// The layers with one dense axis (Dcls2_1d) have a smallest Gaussian width of 1.0 instead of 0.27.
    /// </summary>
    Official,

    /// <summary>
    /// <see cref="Official"/> as it was from November 2022 to October 2023: the rows of a two-dimensional v0 kernel are (width, height). Checkpoints do not say when they
    /// were made; read with the wrong order every kernel is transposed without any error. The ConvNeXt-dcls checkpoints of 2022 are <see cref="Official"/>. Other versions
    /// and ranks do not differ.
    /// </summary>
    OfficialWidthFirst,
}

/// <summary>What a convention means in numbers.</summary>
public static class ConventionExtension
{
    extension(Convention convention)
    {
        /// <summary>The half window of a row that drives <paramref name="axis"/> of a window of this size, in pixels.</summary>
        public double Half(ReadOnlySpan<int> size, int row, int axis) => convention == Convention.Centered ? (size[axis] - 1) / 2.0 : size[row] / 2;
    }
}
