using System.Diagnostics;
using System.Text.Json;
using MiniTorch.Models;
using SkiaSharp;
using StbImageSharp;

namespace MiniTorch.Perf;

/// <summary>
/// perf pictures: how many JPEG files a second one thread decodes and makes into samples of 224×224, beside what the libraries do that decode: SkiaSharp (libjpeg-turbo) with its own scaling, and
/// StbImageSharp, which is C# throughout. Contenders take turns over all files; the rate is that of the median turn.
/// </summary>
static class PictureFeed
{
    const int Side = 224, Files = 32, Turns = 9;

    /// <summary>What was measured.</summary>
    sealed record Rate(string What, double PerSecond, double Milliseconds);

    internal static int Run(string[] args)
    {
        string? folder = args.FirstOrDefault(static a => a != "--json");
        string[] files = folder is null ? Drawn() : [.. Directory.EnumerateFiles(folder, "*.jp*g", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(Files)];
        if (files.Length == 0)
        {
            Console.Error.WriteLine($"perf pictures: {folder} has no JPEG files; name another folder, or none for pictures that are drawn");
            return 2;
        }
        PictureList data = new(files);
        float[] sample = new float[data.Sample.Count];
        Bitmap picture = new();
        LoaderOptions evaluation = new(1) { Fit = new(0.875), Mean = Normalisation.ImageNetMean, Deviation = Normalisation.ImageNetDeviation };
        (string, Action<int>)[] contenders =
        [
            ("decode", i => picture.Read(files[i])),
            ("decode, evaluation's crop, normalise", Maker(evaluation)),
            ("decode, random crop, flip, normalise", Maker(evaluation with { Augmentation = new(Flip: true, Crop: new()) })),
            ("the same, RandAugment, erasing", Maker(evaluation with { Augmentation = Augmentation.ImageNet with { Mixing = null } })),
            ("SkiaSharp: decode", i => SKBitmap.Decode(files[i]).Dispose()),
            ("SkiaSharp: decode, scale to 224x224", i => SkiaScaled(files[i])),
            ("StbImageSharp: decode", i => ImageResult.FromMemory(File.ReadAllBytes(files[i]), ColorComponents.RedGreenBlue)),
        ];
        double[][] times = [.. contenders.Select(static _ => new double[Turns])];
        for (int turn = -2; turn < Turns; turn++)
            foreach ((int number, (_, Action<int> work)) in contenders.Index())
            {
                long begin = Stopwatch.GetTimestamp();
                for (int i = 0; i < files.Length; i++) work(i);
                if (turn >= 0) times[number][turn] = Stopwatch.GetElapsedTime(begin).TotalSeconds / files.Length;
            }
        if (!args.Contains("--json")) Console.WriteLine(FormattableString.Invariant($"{files.Length} files of {files.Average(static f => new FileInfo(f).Length) / 1000:0} kB, {(folder is null ? "drawn 500x375" : folder)}, one thread"));
        foreach ((int number, (string what, _)) in contenders.Index())
        {
            double seconds = times[number].Order().ElementAt(Turns / 2);
            Rate rate = new(what, Math.Round(1 / seconds, 1), Math.Round(1000 * seconds, 3));
            Console.WriteLine(args.Contains("--json") ? JsonSerializer.Serialize(rate, RunJson.Line) : FormattableString.Invariant($"{rate.What,-40} {rate.PerSecond,7:0} a second {rate.Milliseconds,7:0.00} ms"));
        }
        return 0;

        Action<int> Maker(LoaderOptions options)
        {
            SampleMaker maker = new(data, options, new(options.Mean, options.Deviation, data.Sample));
            int epoch = 0;
            return i => maker.Make(i, epoch++, sample, static e => throw e);
        }
    }

    static void SkiaScaled(string file)
    {
        using SKBitmap decoded = SKBitmap.Decode(file);
        using SKBitmap scaled = decoded.Resize(new SKImageInfo(Side, Side), new SKSamplingOptions(SKCubicResampler.CatmullRom));
    }

    /// <summary>Smooth waves with grain, which a JPEG file of quality 95 needs about as many bytes for as for a photograph.</summary>
    static string[] Drawn()
    {
        string folder = Directory.CreateTempSubdirectory("pictures-").FullName;
        Bitmap picture = new();
        picture.Resize(375, 500);
        return [.. Enumerable.Range(0, Files).Select(n =>
        {
            RandomStream random = new(1, 1, (ulong)n);
            for (int y = 0; y < picture.Height; y++)
                for (int x = 0; x < picture.Width; x++)
                    for (int c = 0; c < 3; c++)
                        picture.Bytes[4 * (y * picture.Width + x) + c] = (byte)Math.Clamp(127 + 90 * Math.Sin((x * (n + 3) + 50 * c) / 90.0) * Math.Cos(y * (c + n + 2) / 70.0) + random.NextInt(9), 0, 255);
            string path = Path.Combine(folder, $"{n}.jpg");
            picture.Write(path);
            return path;
        })];
    }

    /// <summary>Files without classes.</summary>
    sealed class PictureList(string[] files) : IDataset
    {
        public int Count => files.Length;

        public Shape Sample { get; } = [Side, Side, 3];

        public IReadOnlyList<string> Classes { get; } = ["any"];

        public int Label(int index) => 0;

        public bool Picture(int index, Bitmap to)
        {
            to.Read(files[index]);
            return true;
        }

        public void Read(int index, Span<float> to) => throw new NotSupportedException("pictures are decoded by the loader");
    }
}
