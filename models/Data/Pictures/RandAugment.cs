using System.Globalization;

namespace MiniTorch.Models;

/// <summary>
/// RandAugment as the reference (timm) has it: a few of 15 operations, drawn with replacement, each done with a probability and a magnitude of 0 to 10. Named by a string such as rand-m9-mstd0.5-inc1: m
/// magnitude (10), n number of operations (2), p probability of each (0.5), mstd deviation of the magnitude (0; 100 and more: uniform from 0), mmax its limit (10), inc1 magnitudes that all grow
/// with the level. Source: Cubuk et al., arXiv 1909.13719.
/// </summary>
public sealed record RandAugment
{
    const double Levels = 10;

    static readonly (string Name, Action<Canvas, Level> Do)[] operations =
    [
        ("AutoContrast", static (c, _) => Tones.AutoContrast(c.Picture)),
        ("Equalize", static (c, _) => Tones.Equalize(c.Picture)),
        ("Invert", static (c, _) => Tones.Invert(c.Picture)),
        ("Rotate", static (c, l) => c.Warp(Warping.Rotation(l.Signed(30), c.Picture.Height, c.Picture.Width))),
        ("Posterize", static (c, l) => Tones.Posterize(c.Picture, l.Falling(4))),
        ("Solarize", static (c, l) => Tones.Solarize(c.Picture, l.Falling(256))),
        ("SolarizeAdd", static (c, l) => Tones.SolarizeAdd(c.Picture, (int)(110 * l.Share))),
        ("Color", static (c, l) => Enhancing.Color(c.Picture, l.Factor)),
        ("Contrast", static (c, l) => Enhancing.Contrast(c.Picture, l.Factor)),
        ("Brightness", static (c, l) => Enhancing.Brightness(c.Picture, l.Factor)),
        ("Sharpness", static (c, l) => Enhancing.Sharpness(c.Picture, c.Other, l.Factor)),
        ("ShearX", static (c, l) => c.Warp(Warping.ShearX(l.Signed(0.3)))),
        ("ShearY", static (c, l) => c.Warp(Warping.ShearY(l.Signed(0.3)))),
        ("TranslateX", static (c, l) => c.Warp(Warping.Shift(l.Signed(0.45) * c.Picture.Width, 0))),
        ("TranslateY", static (c, l) => c.Warp(Warping.Shift(0, l.Signed(0.45) * c.Picture.Height))),
    ];

    /// <summary>How strong an operation is, as a share of the highest level, in which direction, and whether strength grows with it.</summary>
    internal readonly record struct Level(double Share, bool Negative, bool Increasing)
    {
        internal double Signed(double most) => Negative ? -(most * Share) : most * Share;

        /// <summary>A whole number that is <paramref name="most"/> where an increasing operation does least, and where a plain one has its highest level.</summary>
        internal int Falling(int most) => Increasing ? most - (int)(most * Share) : (int)(most * Share);

        /// <summary>Of ImageEnhance.</summary>
        internal double Factor => Increasing ? 1 + Signed(0.9) : 1.8 * Share + 0.1;
    }

    /// <summary>Mean magnitude.</summary>
    public double Magnitude { get; init; } = Levels;

    /// <summary>Operations drawn for a picture.</summary>
    public int Count { get; init; } = 2;

    /// <summary>Probability that one is done.</summary>
    public double Probability { get; init; } = 0.5;

    /// <summary>Deviation of the magnitude; infinity: uniform between 0 and the magnitude.</summary>
    public double Deviation { get; init; }

    /// <summary>Largest magnitude.</summary>
    public double Most { get; init; } = Levels;

    /// <summary>True if a higher magnitude always changes more.</summary>
    public bool Increasing { get; init; }

    /// <summary>Names of the operations.</summary>
    public static IReadOnlyList<string> Operations { get; } = [.. operations.Select(static o => o.Name)];

    /// <summary>Reads the reference's string; an <see cref="ArgumentException"/> names the part that is not understood.</summary>
    public static RandAugment Parse(string text)
    {
        string[] parts = text.Split('-');
        if (parts[0] != "rand") throw Wrong(parts[0]);
        RandAugment result = new();
        foreach (string part in parts[1..])
        {
            int digit = part.IndexOfAny(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
            if (digit < 1 || !double.TryParse(part.AsSpan(digit), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)) throw Wrong(part);
            result = part[..digit] switch
            {
                "m" => result with { Magnitude = value },
                "n" when value is >= 1 and <= 100 && value == Math.Floor(value) => result with { Count = (int)value },
                "p" when value <= 1 => result with { Probability = value },
                "mstd" => result with { Deviation = value >= 100 ? double.PositiveInfinity : value },
                "mmax" => result with { Most = value },
                "inc" => result with { Increasing = value != 0 },
                _ => throw Wrong(part),
            };
        }
        return result;

        ArgumentException Wrong(string part) => new($"'{part}' of the augmentation '{text}' is not understood; write rand, then m (magnitude), n (operations), p (probability), mstd, mmax and inc, each with a "
            + "number, such as rand-m9-mstd0.5-inc1");
    }

    /// <summary>Changes the picture by chance.</summary>
    internal void Apply(Canvas canvas, RandomStream random, PictureFilter filter)
    {
        Span<int> drawn = stackalloc int[Count];
        foreach (ref int operation in drawn) operation = random.NextInt(operations.Length);
        foreach (int operation in drawn)
        {
            if (random.NextDouble() >= Probability) continue;
            double magnitude = double.IsPositiveInfinity(Deviation) ? Magnitude * random.NextDouble() : Deviation > 0 ? Magnitude + Deviation * random.NextNormal() : Magnitude;
            bool negative = random.NextInt(2) == 1, linear = random.NextInt(2) == 1;
            canvas.Filter = filter != PictureFilter.Random ? filter : linear ? PictureFilter.Bilinear : PictureFilter.Bicubic;
            Apply(canvas, operation, new(Math.Clamp(magnitude, 0, Most) / Levels, negative, Increasing));
        }
    }

    /// <summary>One operation.</summary>
    internal static void Apply(Canvas canvas, int operation, Level level) => operations[operation].Do(canvas, level);
}
