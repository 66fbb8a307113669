using ScottPlot;
using SkiaSharp;

namespace MiniTorch.Cli;

/// <summary>Writes plots as PNG or SVG, beside and renamed.</summary>
static class Picture
{
    internal static byte[] Png(Multiplot plots, int width, int height) => plots.Render(width, height).GetImageBytes(ImageFormat.Png);

    internal static byte[] Svg(Multiplot plots, int width, int height)
    {
        using MemoryStream stream = new();
        using (SKCanvas canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, height), stream)) plots.Render(canvas, new PixelRect(0, width, height, 0));
        return stream.ToArray();
    }

    /// <summary>Stops a file that could not be written before the work for it is done: another ending than these, or a folder that is not there.</summary>
    internal static void Check(string path, params ReadOnlySpan<string> others)
    {
        string ending = Path.GetExtension(path);
        if (ending is not (".png" or ".svg") && !others.Contains(ending)) throw new WrongInputException($"it is written as .png, .svg{(others.Length > 0 ? ", " : "")}{string.Join(", ", others!)}, got {path}");
        Options.ExpectFolderOf(path);
    }

    internal static void Write(Multiplot plots, int width, int height, string path)
    {
        byte[] bytes = Path.GetExtension(path) switch
        {
            ".png" => Png(plots, width, height),
            ".svg" => Svg(plots, width, height),
            _ => throw new WrongInputException($"a picture is written as .png or .svg, got {path}"),
        };
        WholeFile.Write(path, bytes);
    }
}
