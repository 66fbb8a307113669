using MiniTorch.Models;
using MiniTorch.Ops;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Data;

/// <summary>What is drawn by chance has the reference's distributions; figures called torchvision's and timm's come from 200,000 draws of torchvision 0.14.1 and of timm's rule in Python.</summary>
public sealed class AugmentationTests : IDisposable
{
    const int Draws = 20_000;

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    static (double Mean, double Deviation) Moments(double[] values)
    {
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))));
    }

    static void AssertMoments(double mean, double deviation, double[] values)
    {
        (double actual, double spread) = Moments(values);
        Assert.Equal(mean, actual, 5 * deviation / Math.Sqrt(values.Length));
        Assert.Equal(deviation, spread, 0.03 * deviation);
    }

    [Fact]
    public void Crops_are_drawn_as_torchvision_draws_them()
    {
        RandomStream random = new(1, 2);
        (int X, int Y, int W, int H)[] boxes = [.. Enumerable.Range(0, Draws).Select(_ => new RandomCrop().Box(375, 500, random))];
        Assert.All(boxes, static b => Assert.True(b.X >= 0 && b.Y >= 0 && b.X + b.W <= 500 && b.Y + b.H <= 375));
        AssertMoments(0.43388, 0.21679, [.. boxes.Select(static b => b.W * b.H / 187500.0)]);
        AssertMoments(0.03081, 0.16413, [.. boxes.Select(static b => Math.Log((double)b.W / b.H))]);
        AssertMoments(0.49975, 0.13585, [.. boxes.Select(static b => (b.X + b.W / 2.0) / 500)]);
        RandomCrop most = new(LeastArea: 0.99999);
        Assert.Equal((493, 0, 13, 10), most.Box(10, 1000, random));         // torchvision's, where ten tries do not fit
        Assert.Equal((0, 493, 10, 13), most.Box(1000, 10, random));
        Assert.Equal((0, 0, 100, 80), most.Box(80, 100, random));
        Assert.Equal((0, 0, 3, 2), most.Box(2, 3, random));
    }

    [Theory]
    [InlineData(ErasingFill.Pixel)]
    [InlineData(ErasingFill.Const)]
    [InlineData(ErasingFill.Rand)]
    public void Rectangles_are_erased_as_timm_erases_them(ErasingFill fill)
    {
        const int H = 64, W = 48;
        const float Untouched = 1000;
        Shape shape = [H, W, 3];
        float[] sample = new float[H * W * 3];
        List<double> areas = [], values = [];
        int draws = fill == ErasingFill.Pixel ? 2000 : 6000, erased = 0;
        for (int i = 0; i < draws; i++)
        {
            Array.Fill(sample, Untouched);
            new Erasing(0.25, fill).Apply(sample, shape, Augmentation.Draws(3, 1, i));
            int[] touched = [.. Enumerable.Range(0, sample.Length).Where(j => sample[j] != Untouched)];
            if (touched.Length == 0) continue;
            erased++;
            areas.Add(touched.Length / (double)sample.Length);
            int top = touched[0] / 3 / W, left = touched[0] / 3 % W, bottom = touched[^1] / 3 / W, right = touched[^1] / 3 % W;
            Assert.Equal((bottom - top + 1) * (right - left + 1) * 3, touched.Length);
            if (fill == ErasingFill.Pixel) values.AddRange(touched.Take(100).Select(j => (double)sample[j]));
            else if (fill == ErasingFill.Const) Assert.All(touched, j => Assert.Equal(0, sample[j]));
            else
            {
                Assert.All(touched, j => Assert.Equal(sample[touched[0] + j % 3], sample[j]));
                values.AddRange(touched.Take(3).Select(j => (double)sample[j]));
            }
        }
        Assert.Equal(0.25, (double)erased / draws, 5 * Math.Sqrt(0.25 * 0.75 / draws));
        Assert.Equal(0.17269, areas.Average(), 5 * 0.08926 / Math.Sqrt(erased));
        if (values.Count == 0) return;
        Assert.Equal(0, values.Average(), 5 / Math.Sqrt(values.Count));
        Assert.Equal(1, Moments([.. values]).Deviation, 5 / Math.Sqrt(values.Count));
    }

    [Fact]
    public void The_reference_string_is_read_part_by_part()
    {
        Assert.Equal(new() { Magnitude = 9, Deviation = 0.5, Increasing = true }, RandAugment.Parse("rand-m9-mstd0.5-inc1"));
        Assert.Equal(new() { Magnitude = 15, Count = 3, Probability = 0.7, Most = 12, Deviation = double.PositiveInfinity }, RandAugment.Parse("rand-n3-m15-p0.7-mmax12-mstd101-inc0"));
        Assert.Equal(new(), RandAugment.Parse("rand"));
        foreach ((string text, string part) in (ReadOnlySpan<(string, string)>)[("original-mstd0.5", "'original'"), ("rand-m", "'m'"), ("rand-w0", "'w0'"), ("rand-m9x", "'m9x'"), ("rand-n0", "'n0'"), ("rand-p2", "'p2'"), ("", "''")])
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => RandAugment.Parse(text)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Augmentation(Rand: "rand-m9", Jitter: 0.4).Validate());
    }

    /// <summary>Two of fifteen, each with 1/2: a picture stays as it is in a quarter of the draws and where an operation changes nothing; on flat grey so do AutoContrast, Equalize, Color and Sharpness, and Contrast.</summary>
    [Fact]
    public void RandAugment_draws_two_of_fifteen_with_one_half()
    {
        RandAugment rand = RandAugment.Parse("rand-m10-inc1");
        Canvas canvas = new();
        RandomStream random = new(4, 4);
        int same = 0;
        for (int i = 0; i < Draws; i++)
        {
            canvas.Picture.Resize(2, 2);
            canvas.Picture.Pixels.Fill(0xFF5A5A5A);
            canvas.Fill = 0xFF000000;
            rand.Apply(canvas, random, PictureFilter.Bilinear);
            same += canvas.Picture.Pixels.ToArray().All(static p => (p & 0xFFFFFF) == 0x5A5A5A) ? 1 : 0;
        }
        // Per draw: not done, or one of the five tonal ones, Rotate and the two shears of a 2x2 picture, whose places stay inside.
        double each = 0.5 + 0.5 * 8 / 15;
        Assert.Equal(each * each, (double)same / Draws, 5 * Math.Sqrt(0.25 / Draws));
    }

    [Fact]
    public void Jitter_scales_brightness_by_up_to_its_share_either_way()
    {
        ArrayDataset data = new([.. Enumerable.Repeat(100 / 255f, 12)], [0], [2, 2, 3]);
        SampleMaker maker = new(data, new(1, Seed: 5, Augmentation: new(Jitter: 0.4)), new([0], [1], data.Sample));
        float[] sample = new float[12];
        double[] values = [.. Enumerable.Range(0, Draws).Select(epoch =>
        {
            maker.Make(0, epoch, sample, static _ => { });
            Assert.All(sample, v => Assert.Equal(sample[0], v));          // flat grey: contrast and saturation change nothing
            return (double)MathF.Round(255 * sample[0]);
        })];
        Assert.InRange(values.Min(), 60, 61);
        Assert.InRange(values.Max(), 138, 140);
        AssertMoments(99.5, 80 / Math.Sqrt(12), values);          // uniform on [60, 140], cut off to whole numbers
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Samples_depend_on_seed_epoch_and_index_only(int workers)
    {
        for (int i = 0; i < 30; i++)
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, $"c{i % 3}"));
            SmallBitmap.Write(Path.Combine(folder.Path, $"c{i % 3}", $"{i:00}.bmp"), 20 + i, 30 - i % 7, (x, y) => (byte)(7 * x + 11 * y * i));
        }
        IDataset data = Pictures.Open(folder.Path, 16).Train;
        Augmentation all = Augmentation.ImageNet with { Mixing = null };
        Dictionary<int, float[]> alone = [];
        SampleMaker maker = new(data, new(1, Seed: 8, Augmentation: all), new(Normalisation.ImageNetMean, Normalisation.ImageNetDeviation, data.Sample));
        for (int i = data.Count - 1; i >= 0; i--) maker.Make(i, 2, alone[i] = new float[data.Sample.Count], static _ => { });
        using Loader loader = new(data, new(5, Seed: 8, Shuffle: true, Augmentation: all) { Mean = Normalisation.ImageNetMean, Deviation = Normalisation.ImageNetDeviation, Workers = workers });
        float[][] samples = [.. loader.Epoch(2).SelectMany(static b => b.Images.ToArray<float>()).Chunk((int)data.Sample.Count)];
        Assert.Equal(data.Count, samples.Length);
        Assert.All(samples, s => Assert.Contains(alone.Values, s.SequenceEqual));
        float[] later = new float[data.Sample.Count];
        maker.Make(4, 3, later, static _ => { });
        Assert.NotEqual(alone[4], later);
    }
}
