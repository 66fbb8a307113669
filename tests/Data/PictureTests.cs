using System.Runtime.InteropServices;
using MiniTorch.Models;

namespace MiniTorch.Tests.Data;

/// <summary>
/// Pictures to the pixel as PIL has them. The files of Golden/Pictures hold drawn pictures and what Pillow 9.4.0 and torchvision 0.14.1 of Debian 12 made of them: resize, the evaluation transform,
/// the 15 operations of RandAugment by the calls and magnitudes of timm, and convert("RGB") after exif_transpose for every kind of file.
/// </summary>
public sealed class PictureTests
{
    static readonly string folder = Path.Combine(AppContext.BaseDirectory, "Golden", "Pictures");

    static Safetensors Golden(string name) => Safetensors.Read(Path.Combine(folder, name + ".safetensors"));

    /// <summary>A stored picture [h, w, 3].</summary>
    static Bitmap Picture(StoredTensor stored)
    {
        Bitmap picture = new();
        picture.Resize(stored.Shape[0], stored.Shape[1]);
        for (int i = 0; i < picture.Height * picture.Width; i++)
            picture.Pixels[i] = stored.Bytes.Span[3 * i] | (uint)stored.Bytes.Span[3 * i + 1] << 8 | (uint)stored.Bytes.Span[3 * i + 2] << 16 | 0xFF000000;
        return picture;
    }

    static void AssertEqual(string name, StoredTensor expected, Bitmap actual)
    {
        Assert.Equal((expected.Shape[0], expected.Shape[1]), (actual.Height, actual.Width));
        int different = 0, most = 0;
        for (int i = 0; i < expected.Bytes.Length; i++)
        {
            int off = Math.Abs(expected.Bytes.Span[i] - actual.Bytes[i / 3 * 4 + i % 3]);
            different += off > 0 ? 1 : 0;
            most = Math.Max(most, off);
        }
        Assert.True(different == 0, $"{name}: {different} of {expected.Bytes.Length} values differ, by up to {most}");
    }

    static Canvas On(Bitmap picture)
    {
        Canvas canvas = new() { Fill = 0xFF000000 | 104 << 16 | 116 << 8 | 124 };
        canvas.Picture.CopyFrom(picture);
        return canvas;
    }

    static PictureFilter Filter(string name) => name.Contains("bilinear", StringComparison.Ordinal) ? PictureFilter.Bilinear : PictureFilter.Bicubic;

    [Fact]
    public void Scaling_is_that_of_PIL()
    {
        Safetensors golden = Golden("resize");
        Bitmap source = Picture(golden.Tensors["source"]);
        int seen = 0;
        foreach ((string name, StoredTensor expected) in golden.Tensors)
        {
            if (name == "source") continue;
            int[] numbers = [.. name.Split('.', 'x').Where(static p => p.All(char.IsDigit)).Select(int.Parse)];
            Canvas canvas = On(source);
            (int, int, int, int) part = name.Contains("crop", StringComparison.Ordinal) ? (numbers[0], numbers[1], numbers[2], numbers[3]) : (0, 0, source.Width, source.Height);
            canvas.Scale(part, expected.Shape[0], expected.Shape[1], Filter(name));
            AssertEqual(name, expected, canvas.Picture);
            seen++;
        }
        Assert.Equal(24, seen);
    }

    [Fact]
    public void Evaluation_crops_and_normalises_as_torchvision()
    {
        Safetensors golden = Golden("evaluation");
        int seen = 0;
        foreach ((string name, StoredTensor expected) in golden.Tensors)
        {
            if (name.Split('.', 2) is not [var source, { } how] || source == "normalised") continue;
            Canvas canvas = On(Picture(golden.Tensors[source]));
            new PictureFit(how.Contains("0.875", StringComparison.Ordinal) ? 0.875 : how.Contains("0.95", StringComparison.Ordinal) ? 0.95 : null, Filter(how)).Apply(canvas, expected.Shape[0], expected.Shape[1]);
            AssertEqual(name, expected, canvas.Picture);
            seen++;
            if (name != "source.bicubic.crop0.875.28") continue;
            float[] values = new float[3 * 28 * 28];
            canvas.Picture.Give(values, 3);
            new Normalisation(Normalisation.ImageNetMean, Normalisation.ImageNetDeviation, [28, 28, 3]).Apply(values);
            Assert.Equal(MemoryMarshal.Cast<byte, float>(golden.Tensors["normalised"].Bytes.Span).ToArray(), values);
        }
        Assert.Equal(12, seen);
    }

    [Fact]
    public void All_operations_of_RandAugment_are_those_of_the_reference()
    {
        Safetensors golden = Golden("operations");
        Bitmap source = Picture(golden.Tensors["source"]);
        Dictionary<string, int> seen = RandAugment.Operations.ToDictionary(static o => o, static _ => 0);
        foreach ((string name, StoredTensor expected) in golden.Tensors)
        {
            string[] parts = name.Split('.');
            if (parts.Length == 1) continue;
            bool tonal = parts.Length == 2;
            string operation = parts[tonal ? 1 : 0], direction = parts[^(tonal ? 1 : 2)];
            double level = tonal ? 0 : double.Parse(string.Join('.', parts[2..^2])) / 10;
            Canvas canvas = On(tonal ? Picture(golden.Tensors[parts[0]]) : source);
            canvas.Filter = Filter(name);
            RandAugment.Apply(canvas, RandAugment.Operations.ToList().IndexOf(operation), new(level, direction == "neg", parts[1] == "inc"));
            AssertEqual(name, expected, canvas.Picture);
            seen[operation]++;
        }
        Assert.DoesNotContain(0, seen.Values);
    }

    [Fact]
    public void Every_kind_of_file_is_decoded_to_its_colours_and_turned()
    {
        Safetensors golden = Golden("files");
        Bitmap picture = new();
        foreach ((string name, StoredTensor expected) in golden.Tensors)
        {
            picture.Read(Path.Combine(folder, name));
            AssertEqual(name, expected, picture);
        }
        Assert.Equal(24, golden.Tensors.Count);
    }
}
