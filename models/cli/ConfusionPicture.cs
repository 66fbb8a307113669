using System.Globalization;
using System.Text;
using MiniTorch.Models;
using ScottPlot;
using ScottPlot.Colormaps;

namespace MiniTorch.Cli;

/// <summary>Which classes were taken for which: a picture whose rows, from the top, are the true classes, shaded by the share of the row; or the counts as a table.</summary>
static class ConfusionPicture
{
    const int Most = 60;            // classes whose names fit beside the axes
    const int Least = 420, Cell = 26, Margins = 220;

    /// <summary>Writes a .png or .svg, or the counts as .csv, first line and first column the names.</summary>
    internal static void Write(string path, Evaluation evaluation, IReadOnlyList<string> classes)
    {
        if (Path.GetExtension(path) == ".csv")
        {
            WholeFile.Write(path, Encoding.UTF8.GetBytes(Csv(evaluation, classes)));
            return;
        }
        if (!Fonts.Present) Terminal.Warn($"fonts: {Fonts.Remedy}");
        int n = classes.Count, side = Math.Max(Least, Margins + Cell * Math.Min(n, Most));
        double[,] shares = new double[n, n];
        for (int c = 0; c < n; c++)
        {
            int seen = Enumerable.Range(0, n).Sum(g => evaluation.Confusion[c, g]);
            for (int g = 0; g < n; g++) shares[c, g] = seen == 0 ? 0 : (double)evaluation.Confusion[c, g] / seen;
        }
        Multiplot plots = new();
        plots.AddPlots(1);
        Plot plot = plots.GetPlot(0);
        ScottPlot.Plottables.Heatmap map = plot.Add.Heatmap(shares);
        map.Colormap = new Blues().Reversed();
        map.ManualRange = new(0, 1);
        plot.Add.ColorBar(map);
        if (n <= Most)
        {
            double[] places = [.. Enumerable.Range(0, n).Select(static i => (double)i)];
            plot.Axes.Left.SetTicks([.. places.Select(p => n - 1 - p)], [.. classes]);
            plot.Axes.Bottom.SetTicks(places, [.. classes]);
            plot.Axes.Bottom.TickLabelStyle.Rotation = 90;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = plot.Axes.Left.MinimumSize = Margins / 2;
        }
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"accuracy {evaluation.Accuracy:0.0000}"), Plots.TitleSize);
        plot.XLabel("taken for");
        plot.YLabel("class");
        Picture.Write(plots, side, side, path);
    }

    static string Csv(Evaluation evaluation, IReadOnlyList<string> classes)
    {
        StringBuilder text = new();
        text.AppendJoin(',', classes.Prepend("class").Select(Quoted)).Append('\n');
        for (int c = 0; c < classes.Count; c++)
            text.AppendJoin(',', Enumerable.Range(0, classes.Count).Select(g => evaluation.Confusion[c, g].ToString(CultureInfo.InvariantCulture)).Prepend(Quoted(classes[c]))).Append('\n');
        return text.ToString();

        static string Quoted(string name) => name.AsSpan().ContainsAny(",\"\n") ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;
    }
}
