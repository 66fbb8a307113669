namespace MiniTorch.Models;

/// <summary>
/// Random changes to a training image [h, w, c]. What happens to a sample depends on seed, epoch and the sample's index only, never on when or by which thread
/// it is loaded.
/// </summary>
/// <param name="Shift">Moves the image by up to this many pixels along each axis; what comes in is 0.</param>
/// <param name="Flip">Mirrors the image left to right, half of the time.</param>
public sealed record Augmentation(int Shift = 0, bool Flip = false)
{
    const uint Stream = 0xA06;

    internal void Apply(Span<float> image, Shape shape, Span<float> scratch, ulong seed, int epoch, int index)
    {
        if (Shift == 0 && !Flip) return;
        if (shape.Rank != 3) throw new TensorException($"Augmentation: shift and flip need samples [h, w, c], got {shape}; switch them off for this data");
        RandomStream random = new(seed, Stream, (ulong)(uint)epoch << 32 | (uint)index);
        int dy = random.NextInt(2 * Shift + 1) - Shift, dx = random.NextInt(2 * Shift + 1) - Shift;
        bool mirror = random.NextInt(2) == 1 && Flip;
        int h = shape[0], w = shape[1], c = shape[2];
        image.CopyTo(scratch);
        image.Clear();
        for (int y = Math.Max(0, dy); y < Math.Min(h, h + dy); y++)
            for (int x = 0; x < w; x++)
            {
                int from = (mirror ? w - 1 - x : x) - dx;
                if (from >= 0 && from < w) scratch.Slice(((y - dy) * w + from) * c, c).CopyTo(image[((y * w + x) * c)..]);
            }
    }
}
