namespace MiniTorch.Models;

/// <summary>
/// How a picture of any size becomes a sample where nothing is left to chance: with a crop the shorter side is scaled to ⌊side / crop⌋ and the centre cut out, as the reference evaluates (224 of 256 for
/// 0.875); without one the picture is scaled to the sample's shape whatever its own, as the reference does from 384 pixels on.
/// </summary>
/// <param name="Crop">Share of the shorter side that is kept; null scales the whole picture.</param>
/// <param name="Filter">How it is scaled.</param>
public sealed record PictureFit(double? Crop = null, PictureFilter Filter = PictureFilter.Bicubic)
{
    /// <summary>Scales the whole picture; one that has the sample's size stays as it is.</summary>
    internal static PictureFit Whole { get; } = new();

    internal void Validate(Shape sample)
    {
        Bitmap.Expect(sample);
        if (Crop is <= 0 or > 1) throw new ArgumentException($"the share of a picture that is kept must lie in (0, 1], got {Crop}");
        if (Crop is not null && sample[0] != sample[1]) throw new ArgumentException($"a centre crop needs square samples, got {sample}; leave the crop out");
        if (Filter == PictureFilter.Random) throw new ArgumentException("evaluation leaves nothing to chance; choose the bicubic or the bilinear filter");
    }

    internal void Apply(Canvas canvas, int height, int width)
    {
        (int h, int w) = (canvas.Picture.Height, canvas.Picture.Width);
        if (Crop is not { } share)
        {
            canvas.Scale((0, 0, w, h), height, width, Filter);
            return;
        }
        int shorter = (int)(height / share);
        (int toH, int toW) = h <= w ? (shorter, (int)((double)shorter * w / h)) : ((int)((double)shorter * h / w), shorter);
        canvas.Scale((0, 0, w, h), toH, toW, Filter, (Centre(toW, width), Centre(toH, height), width, height));
    }

    /// <summary>The picture of a file as a sample [h, w, c] in [0, 1], and in words what was done to it.</summary>
    public float[] Read(string path, Shape sample, out string done)
    {
        Validate(sample);
        Canvas canvas = new();
        canvas.Picture.Read(path);
        (int h, int w, bool grey) = (canvas.Picture.Height, canvas.Picture.Width, canvas.Picture.IsGrey);
        List<string> steps = [];
        if (!grey && sample[2] == 1) steps.Add("turned to grey");
        if (grey && sample[2] == 3) steps.Add("grey copied to three channels");
        Apply(canvas, sample[0], sample[1]);
        if (Crop is not null) steps.Add($"scaled and cropped from {w}x{h} to {sample[1]}x{sample[0]}");
        else if ((h, w) != (sample[0], sample[1])) steps.Add($"scaled from {w}x{h} to {sample[1]}x{sample[0]}");
        float[] values = new float[sample.Count];
        canvas.Picture.Give(values, sample[2]);
        done = string.Join(", ", steps);
        return values;
    }

    /// <summary>Where a part begins that lies in the middle.</summary>
    static int Centre(int all, int part) => (int)Math.Round((all - part) / 2.0);
}
