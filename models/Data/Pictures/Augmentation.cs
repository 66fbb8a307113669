using System.Text.Json.Serialization;

namespace MiniTorch.Models;

/// <summary>
/// Random changes to training samples, in this order: crop, flip, RandAugment or jitter of colours, shift, normalisation, erasing, mixing of the batch. What happens to a sample depends on seed, epoch and
/// the sample's index only, and what happens to a batch on its number: never on when or by which thread it is loaded.
/// </summary>
/// <param name="Shift">Moves the sample by up to this many pixels along each axis; what comes in is 0.</param>
/// <param name="Flip">Mirrors the picture left to right, half of the time.</param>
/// <param name="Crop">A part of the picture, scaled to the sample; null: the picture as it is fitted for evaluation.</param>
/// <param name="Rand">RandAugment by the reference's string, such as rand-m9-mstd0.5-inc1; null for none.</param>
/// <param name="Jitter">Brightness, contrast and saturation change by factors of up to 1 ± this, in random order. Not beside RandAugment, which the reference lets take its place.</param>
/// <param name="Erasing">Erases parts; null for none.</param>
/// <param name="Mixing">Mixes the samples and targets of a batch; null for none.</param>
public sealed record Augmentation(int Shift = 0, bool Flip = false, RandomCrop? Crop = null, string? Rand = null, double Jitter = 0, Erasing? Erasing = null, Mixing? Mixing = null)
{
    const uint Stream = 0xA06;

    /// <summary>The reference's recipe for ImageNet: crop, flip, rand-m9-mstd0.5-inc1, erasing with 0.25, mixup 0.8 and CutMix 1 half of the time each.</summary>
    public static Augmentation ImageNet { get; } = new(Flip: true, Crop: new(), Rand: "rand-m9-mstd0.5-inc1", Erasing: new(), Mixing: new());

    /// <summary>True if samples are changed as pictures of 8-bit colours.</summary>
    [JsonIgnore]
    public bool OfPictures => Crop is not null || Rand is not null || Jitter > 0;

    /// <summary>Throws an <see cref="ArgumentException"/> that names the first value that makes no sense.</summary>
    public void Validate()
    {
        if (Shift < 0) throw new ArgumentException($"a shift must not be negative, got {Shift}");
        if (Jitter is not (>= 0 and <= 1)) throw new ArgumentException($"the jitter of colours must lie in [0, 1], got {Jitter}");
        if (Jitter > 0 && Rand is not null) throw new ArgumentException("RandAugment takes the place of the jitter of colours; leave one of them out");
        if (Rand is not null) RandAugment.Parse(Rand);
        Crop?.Validate();
        Erasing?.Validate();
        Mixing?.Validate();
    }

    /// <summary>Stops where it does not go with the samples.</summary>
    internal void Expect(Shape sample)
    {
        if (OfPictures) Bitmap.Expect(sample);
        if ((Shift > 0 || Flip || Erasing is not null) && sample.Rank != 3) throw new TensorException($"shift, flip and erasing need samples [h, w, c], got {sample}; leave them out for this data");
        if (Mixing is { CutMix: > 0 } && sample.Rank != 3) throw new TensorException($"CutMix cuts pictures [h, w, c], got samples {sample}; use mixup alone");
    }

    /// <summary>The random numbers of a sample.</summary>
    internal static RandomStream Draws(ulong seed, int epoch, int index) => new(seed, Stream, (ulong)(uint)epoch << 32 | (uint)index);

    /// <summary>Crops, flips and changes colours; <paramref name="rand"/> is what <see cref="Rand"/> says.</summary>
    internal void Change(Canvas canvas, Shape shape, PictureFit fit, bool mirror, RandAugment? rand, RandomStream random)
    {
        PictureFilter filter = Crop?.Filter ?? fit.Filter;
        if (Crop is null) fit.Apply(canvas, shape[0], shape[1]);
        else
        {
            bool linear = random.NextInt(2) == 1;
            canvas.Scale(Crop.Box(canvas.Picture.Height, canvas.Picture.Width, random), shape[0], shape[1],
                filter != PictureFilter.Random ? filter : linear ? PictureFilter.Bilinear : PictureFilter.Bicubic);
        }
        if (mirror) canvas.Picture.Mirror();
        rand?.Apply(canvas, random, filter);
        if (Jitter > 0) JitterColors(canvas.Picture, random);
    }

    void JitterColors(Bitmap picture, RandomStream random)
    {
        Span<int> order = [0, 1, 2];
        random.Shuffle(order);
        foreach (int change in order)
        {
            double factor = 1 + Jitter * (2 * random.NextDouble() - 1);
            if (change == 0) Enhancing.Brightness(picture, factor);
            else if (change == 1) Enhancing.Contrast(picture, factor);
            else Enhancing.Color(picture, factor);
        }
    }

    /// <summary>Moves and mirrors a sample [h, w, c]; 0 comes in.</summary>
    internal static void Move(Span<float> image, Shape shape, Span<float> scratch, int dy, int dx, bool mirror)
    {
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
