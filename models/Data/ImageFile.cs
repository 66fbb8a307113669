using StbImageSharp;

namespace MiniTorch.Models;

/// <summary>A picture from a file, brought to the shape a model needs: colours to grey by 0.299 R + 0.587 G + 0.114 B, size by averaging areas (down) and bilinear (up).</summary>
public sealed class ImageFile
{
    ImageFile(string path, float[] pixels, int height, int width, int channels)
        => (Path, Pixels, Height, Width, Channels) = (path, pixels, height, width, channels);

    /// <summary>Where it came from.</summary>
    public string Path { get; }

    /// <summary>Values in [0, 1], [h, w, c].</summary>
    public float[] Pixels { get; }

    /// <summary>Pixels from top to bottom.</summary>
    public int Height { get; }

    /// <summary>Pixels from left to right.</summary>
    public int Width { get; }

    /// <summary>1 (grey) or 3 (red, green, blue).</summary>
    public int Channels { get; }

    /// <summary>Decodes a PNG or JPEG; an <see cref="InvalidDataException"/> names the file and, where it is known, the format it has instead.</summary>
    public static ImageFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (Foreign(bytes) is { } format) throw new InvalidDataException($"{path} is {format}, which is not read; convert it to PNG or JPEG");
        ImageResult image;
        try
        {
            image = ImageResult.FromMemory(bytes, ColorComponents.Default);
        }
        catch (Exception e) when (e is InvalidOperationException or IndexOutOfRangeException or ArgumentException or OverflowException or EndOfStreamException or NullReferenceException)
        {
            throw new InvalidDataException($"{path} is not a readable PNG or JPEG image ({e.Message}); is it truncated, or another kind of file?", e);
        }
        int stored = (int)image.Comp, channels = stored <= 2 ? 1 : 3;       // grey, grey + alpha, RGB, RGB + alpha
        float[] pixels = new float[image.Width * image.Height * channels];
        for (int i = 0; i < image.Width * image.Height; i++)
            for (int c = 0; c < channels; c++) pixels[i * channels + c] = image.Data[i * stored + c] / 255f;
        return new(path, pixels, image.Height, image.Width, channels);
    }

    /// <summary>The picture as a sample of shape [h, w, c] in [0, 1], and in words what was done to it.</summary>
    public float[] Fit(Shape sample, out string done)
    {
        if (sample.Rank != 3 || sample[2] is not (1 or 3)) throw new InvalidDataException($"{Path}: the model takes {sample}, which is no image");
        List<string> steps = [];
        float[] pixels = Pixels;
        int channels = Channels;
        if (channels == 3 && sample[2] == 1)
        {
            pixels = [.. Enumerable.Range(0, Height * Width).Select(i => 0.299f * Pixels[3 * i] + 0.587f * Pixels[3 * i + 1] + 0.114f * Pixels[3 * i + 2])];
            channels = 1;
            steps.Add("turned to grey");
        }
        else if (channels == 1 && sample[2] == 3)
        {
            pixels = [.. Pixels.SelectMany(static v => (float[])[v, v, v])];
            channels = 3;
            steps.Add("grey copied to three channels");
        }
        if (Height != sample[0] || Width != sample[1])
        {
            pixels = Resize(Resize(pixels, 1, Height, sample[0], Width * channels), sample[0], Width, sample[1], channels);
            steps.Add($"scaled from {Width}x{Height} to {sample[1]}x{sample[0]}");
        }
        done = string.Join(", ", steps);
        return pixels;
    }

    /// <summary>
    /// Scales the middle axis: <paramref name="values"/> is [outer, from, inner], the result [outer, to, inner]. Down: each output averages the stretch of
    /// inputs that it covers. Up: linear between pixel centres.
    /// </summary>
    static float[] Resize(float[] values, int outer, int from, int to, int inner)
    {
        float[] result = new float[outer * to * inner];
        double ratio = (double)from / to;
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < to; i++)
            {
                double begin = ratio > 1 ? i * ratio : Math.Clamp((i + 0.5) * ratio - 0.5, 0, from - 1), end = ratio > 1 ? begin + ratio : begin;
                for (int c = 0; c < inner; c++)
                {
                    double sum = 0;
                    if (ratio > 1)
                        for (int j = (int)begin; j < Math.Min(from, Math.Ceiling(end)); j++)
                            sum += (Math.Min(end, j + 1) - Math.Max(begin, j)) / ratio * values[(o * from + j) * inner + c];
                    else
                    {
                        int j = (int)begin, next = Math.Min(j + 1, from - 1);
                        sum = values[(o * from + j) * inner + c] * (1 - (begin - j)) + values[(o * from + next) * inner + c] * (begin - j);
                    }
                    result[(o * to + i) * inner + c] = (float)sum;
                }
            }
        return result;
    }

    static string? Foreign(ReadOnlySpan<byte> b) => b switch
    {
        [] => "an empty file",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "a WebP image",
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => "an AVIF, HEIC or video file",
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => "a TIFF image",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "a GIF image",
        [(byte)'%', (byte)'P', (byte)'D', (byte)'F', ..] => "a PDF file",
        [(byte)'<', ..] => "an SVG, XML or HTML file",
        _ => null,
    };
}
