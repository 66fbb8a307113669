namespace MiniTorch.Models;

/// <summary>Makes the samples of a loader on one thread: reads or decodes, augments and normalises.</summary>
sealed class SampleMaker(IDataset data, LoaderOptions options, Normalisation normalisation)
{
    readonly Canvas canvas = new() { Fill = normalisation.Zero };
    readonly float[] scratch = new float[data.Sample.Count];
    readonly Augmentation augmentation = options.Augmentation ?? new();
    readonly RandAugment? rand = options.Augmentation?.Rand is { } text ? RandAugment.Parse(text) : null;

    /// <summary>
    /// Makes sample <paramref name="index"/> and returns its label. In the place of a picture that cannot be read comes the next one that can, whatever thread asks; each such picture is handed to
    /// <paramref name="unreadable"/>.
    /// </summary>
    internal int Make(int index, int epoch, Span<float> sample, Action<UnreadablePictureException> unreadable)
    {
        for (int i = 0; ; i++)
        {
            int read = (int)(((long)index + i) % data.Count);
            try
            {
                Make(read, sample, Augmentation.Draws(options.Seed, epoch, index));
                return data.Label(read);
            }
            catch (UnreadablePictureException e) when (i + 1 < data.Count)
            {
                unreadable(e);
            }
        }
    }

    void Make(int index, Span<float> sample, RandomStream random)
    {
        Shape shape = data.Sample;
        int dy = random.NextInt(2 * augmentation.Shift + 1) - augmentation.Shift, dx = random.NextInt(2 * augmentation.Shift + 1) - augmentation.Shift;
        bool mirror = random.NextInt(2) == 1 && augmentation.Flip, stored = data.Picture(index, canvas.Picture);
        if (!stored) data.Read(index, sample);
        if (stored || augmentation.OfPictures)
        {
            if (!stored) canvas.Picture.Take(sample, shape);
            augmentation.Change(canvas, shape, stored ? options.Fit : PictureFit.Whole, mirror, rand, random);
            canvas.Picture.Give(sample, shape[2]);
            mirror = false;
        }
        if (mirror || augmentation.Shift > 0) Augmentation.Move(sample, shape, scratch, dy, dx, mirror);
        normalisation.Apply(sample);
        augmentation.Erasing?.Apply(sample, shape, random);
    }
}
