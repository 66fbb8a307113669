using MiniTorch.Models;
using ScottPlot;

namespace MiniTorch.Cli;

/// <summary>
/// Delays of a spiking network, a panel for each layer: delays.png and .svg count the taps of each whole delay before and after training, delays_over_epochs.png and .svg after each epoch, where they are learned.
/// </summary>
static class DelayPlots
{
    const int Panel = 480, High = 420;
    const double BarWidth = 0.4;

    internal static void Write(RunFolder run, Safetensors checkpoint, IReadOnlyList<DelayLayer> layers, EpochMetrics[] epochs)
    {
        int[]?[] before = [.. layers.Select(l => checkpoint.Tensors.TryGetValue("initial." + Name(l), out StoredTensor? p) ? l.Histogram(p.ToDoubles()) : null)];         // none: delays that are not learned
        int[][] after = [.. layers.Select(l => l.Histogram(checkpoint.Tensors["model." + Name(l)].ToDoubles()))];
        Multiplot counts = Panels(layers, (plot, i) => Counts(plot, layers[i], before[i], after[i]));
        run.Write("delays.png", Picture.Png(counts, layers.Count * Panel, High));
        run.Write("delays.svg", Picture.Svg(counts, layers.Count * Panel, High));
        if (epochs.Length == 0 || before.Contains(null)) return;
        Multiplot courses = Panels(layers, (plot, i) => Course(plot, layers[i], [before[i]!, .. epochs.Select(e => e.Delays![i])]));
        run.Write("delays_over_epochs.png", Picture.Png(courses, layers.Count * Panel, High));
        run.Write("delays_over_epochs.svg", Picture.Svg(courses, layers.Count * Panel, High));
    }

    static string Name(DelayLayer layer) => layer.Taps.Path + ".P";

    static Multiplot Panels(IReadOnlyList<DelayLayer> layers, Action<Plot, int> draw)
    {
        Multiplot plots = new();
        plots.AddPlots(layers.Count);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (int i = 0; i < layers.Count; i++) draw(plots.GetPlot(i), i);
        return plots;
    }

    static void Counts(Plot plot, DelayLayer layer, int[]? before, int[] after)
    {
        if (before is not null) Bars(before, -BarWidth / 2, "before", Colors.Gray);
        Bars(after, before is null ? 0 : BarWidth / 2, before is null ? "not learned" : "after", Colors.C1);
        Plots.Name(plot, $"{layer.Taps.Path}: delays of {after.Sum():n0} taps", "delay, steps", "taps", Alignment.UpperRight);
        plot.Axes.SetLimits(-1, layer.Window, 0, 1.25 * Math.Max(1, Math.Max(before?.Max() ?? 0, after.Max())));

        void Bars(int[] counts, double shift, string name, Color color)
        {
            ScottPlot.Plottables.BarPlot bars = plot.Add.Bars([.. Enumerable.Range(0, counts.Length).Select(d => d + shift)], counts.Select(static c => (double)c).ToArray());
            bars.LegendText = name;
            foreach (Bar bar in bars.Bars) (bar.Size, bar.FillColor, bar.LineWidth) = (BarWidth, color, 0);
        }
    }

    /// <summary>Delays upwards, epochs to the right: a column for each, that of epoch 0 what training began with.</summary>
    static void Course(Plot plot, DelayLayer layer, int[][] columns)
    {
        double[,] cells = new double[layer.Window, columns.Length];
        for (int e = 0; e < columns.Length; e++)
            for (int d = 0; d < layer.Window; d++) cells[layer.Window - 1 - d, e] = columns[e][d];
        ScottPlot.Plottables.Heatmap map = plot.Add.Heatmap(cells);
        if (layer.Window > 1) map.Position = new(0, columns.Length - 1, 0, layer.Window - 1);         // centres of the outermost cells
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        plot.Add.ColorBar(map);
        plot.Title($"{layer.Taps.Path}: taps of each delay", Plots.TitleSize);
        plot.XLabel("epoch");
        plot.YLabel("delay, steps");
        plot.Axes.SetLimits(-0.5, columns.Length - 0.5, -0.5, layer.Window - 0.5);
    }
}
