namespace MiniTorch.Models;

/// <summary>
/// A part of a picture by chance, scaled to the sample's size: its share of the area is uniform, the logarithm of its width over its height too; after ten that do not fit, the largest part in the
/// middle whose shape is allowed. torchvision's RandomResizedCrop.
/// </summary>
/// <param name="LeastArea">Smallest share of the area.</param>
/// <param name="MostArea">Largest share.</param>
/// <param name="LeastRatio">Smallest width over height.</param>
/// <param name="MostRatio">Largest.</param>
/// <param name="Filter">How it is scaled.</param>
public sealed record RandomCrop(double LeastArea = 0.08, double MostArea = 1, double LeastRatio = 3.0 / 4, double MostRatio = 4.0 / 3, PictureFilter Filter = PictureFilter.Bicubic)
{
    const int Tries = 10;

    internal void Validate()
    {
        if (!(LeastArea > 0 && LeastArea <= MostArea && MostArea <= 1)) throw new ArgumentException($"a crop's share of the area must lie in (0, 1], got {LeastArea} to {MostArea}");
        if (!(LeastRatio > 0 && LeastRatio <= MostRatio)) throw new ArgumentException($"a crop's width over its height must be above 0, the least first, got {LeastRatio} to {MostRatio}");
    }

    internal (int X, int Y, int W, int H) Box(int height, int width, RandomStream random)
    {
        for (int i = 0; i < Tries; i++)
        {
            double area = height * (double)width * Uniform(LeastArea, MostArea), ratio = Math.Exp(Uniform(Math.Log(LeastRatio), Math.Log(MostRatio)));
            int w = (int)Math.Round(Math.Sqrt(area * ratio)), h = (int)Math.Round(Math.Sqrt(area / ratio));
            if (w > 0 && h > 0 && w <= width && h <= height) return (random.NextInt(width - w + 1), random.NextInt(height - h + 1), w, h);
        }
        double own = (double)width / height;
        int middleW = own > MostRatio ? (int)Math.Round(height * MostRatio) : width, middleH = own < LeastRatio ? (int)Math.Round(width / LeastRatio) : height;
        return ((width - middleW) / 2, (height - middleH) / 2, middleW, middleH);

        double Uniform(double least, double most) => least + (most - least) * random.NextDouble();
    }
}
