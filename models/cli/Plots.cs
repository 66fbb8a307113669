using System.Text.Json;
using MiniTorch.Models;
using ScottPlot;

namespace MiniTorch.Cli;

/// <summary>
/// The pictures of a run: curves.png; positions.png and .svg with the kernel positions of each layer that has its own, before and after; of a spiking network delays.png and .svg,
/// delays_over_epochs and raster instead, PNG and SVG too.
/// </summary>
static class Plots
{
    internal const int TitleSize = 14;

    const int Wide = 1200, High = 500, Panel = 420, SinglePanel = 620, FewKernels = 12;

    /// <summary>Draws what the run has; a plot that cannot be drawn is said and stops nothing.</summary>
    internal static void Draw(RunFolder run, RunConfig config, ILayer net, ParameterStore store, IDataset test, Terminal terminal)
    {
        if (!Fonts.Present) Terminal.Warn($"fonts: {Fonts.Remedy}");
        try
        {
            EpochMetrics[] epochs = File.Exists(run.MetricsPath)
                ? [.. File.ReadLines(run.MetricsPath).Select(static l => JsonSerializer.Deserialize<EpochMetrics>(l, RunJson.Line)!)] : [];
            if (epochs.Length > 0) run.Write("curves.png", Curves(epochs));
            ISpiking? spiking = net as ISpiking;
            Dcls[] layers = [.. store.Constrained.OfType<Dcls>().Except((spiking?.Delays ?? []).Select(static d => d.Taps))];
            if (spiking is not null)
            {
                if (spiking.Delays.Count > 0) DelayPlots.Write(run, Safetensors.Read(run.Checkpoint("last")), spiking.Delays, epochs);
                Raster.Of(spiking, config, test, 0, store.Device).Write(run, "raster");
            }
            if (layers.Length > 0)
            {
                Multiplot positions = Positions(Safetensors.Read(run.Checkpoint("last")), layers);
                int side = layers.Length == 1 ? SinglePanel : Panel;
                run.Write("positions.png", Picture.Png(positions, layers.Length * side, side));
                run.Write("positions.svg", Picture.Svg(positions, layers.Length * side, side));
            }
            terminal.Say($"plots in {run.Path}");
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            Terminal.Warn($"no plots: the native library of SkiaSharp could not be loaded ({e.GetBaseException().Message}); linux-x64 is supported");
        }
    }

    static byte[] Curves(EpochMetrics[] epochs)
    {
        Multiplot plots = new();
        plots.AddPlots(2);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Plot loss = plots.GetPlot(0), accuracy = plots.GetPlot(1);
        Line(loss, "training", static e => e.TrainLoss);
        Line(loss, "held back", static e => e.ValidationLoss);
        Line(loss, "test", static e => e.TestLoss);
        Line(accuracy, "training", static e => e.TrainAccuracy);
        Line(accuracy, "held back", static e => e.ValidationAccuracy);
        Line(accuracy, "test", static e => e.TestAccuracy);
        Name(loss, "loss", "epoch", "loss", Alignment.UpperRight);
        Name(accuracy, "accuracy", "epoch", "accuracy", Alignment.LowerRight);
        return Picture.Png(plots, Wide, High);

        void Line(Plot plot, string name, Func<EpochMetrics, double?> value)
        {
            EpochMetrics[] known = [.. epochs.Where(e => value(e) is not null)];
            if (known.Length > 0) plot.Add.Scatter(known.Select(static e => (double)e.Epoch).ToArray(), known.Select(e => value(e)!.Value).ToArray()).LegendText = name;
        }
    }

    static Multiplot Positions(Safetensors checkpoint, Dcls[] layers)
    {
        Multiplot plots = new();
        plots.AddPlots(layers.Length);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (int i = 0; i < layers.Length; i++)
        {
            Plot plot = plots.GetPlot(i);
            Dcls layer = layers[i];
            string name = layer.Path.Length == 0 ? "P" : layer.Path + ".P";
            int kernels = layer.Position.Count / layer.HalfWindow.Count / layer.KernelCount;
            (double[] beforeX, double[] beforeY) = Points(plot, checkpoint.Tensors["initial." + name], layer, "before", Colors.Gray, 3);
            (double[] afterX, double[] afterY) = Points(plot, checkpoint.Tensors["model." + name], layer, "after", Colors.C1, kernels > FewKernels ? 4 : 9);
            if (kernels <= FewKernels) Paths(plot, layer.KernelCount, beforeX, beforeY, afterX, afterY);
            Name(plot, $"{layer.Path}: {kernels} kernels x {layer.KernelCount} taps", "x, pixels from the centre",
                layer.HalfWindow.Count == 1 ? "tap" : "y, downwards", Alignment.LowerRight);
            double width = layer.HalfWindow[Row(layer, 0)] + 1, height = layer.HalfWindow.Count == 1 ? layer.KernelCount : layer.HalfWindow[Row(layer, 1)] + 1;
            plot.Axes.SetLimits(-width, width, height, layer.HalfWindow.Count == 1 ? -1 : -height);       // rows of an image count downwards
        }
        return plots;
    }

    /// <summary>Positions (axes, out, in/g, *dense, count), in pixels from the centre: width against height, or against the number of the tap where there is one axis.</summary>
    static (double[] X, double[] Y) Points(Plot plot, StoredTensor positions, Dcls layer, string name, Color color, float size)
    {
        double[] values = positions.ToDoubles();
        int count = values.Length / layer.HalfWindow.Count;
        double[] x = values.AsSpan(Row(layer, 0) * count, count).ToArray();
        double[] y = layer.HalfWindow.Count == 1 ? [.. Enumerable.Range(0, count).Select(i => (double)(i % layer.KernelCount))] : values.AsSpan(Row(layer, 1) * count, count).ToArray();
        plot.Add.Markers(x, y, MarkerShape.FilledCircle, size, color).LegendText = name;
        return (x, y);
    }

    /// <summary>Where so few kernels allow it: the taps of a kernel joined, and the way each has come.</summary>
    static void Paths(Plot plot, int taps, double[] beforeX, double[] beforeY, double[] afterX, double[] afterY)
    {
        for (int i = 0; i < afterX.Length; i++)
        {
            ScottPlot.Plottables.LinePlot way = plot.Add.Line(beforeX[i], beforeY[i], afterX[i], afterY[i]);
            (way.LineColor, way.LinePattern) = (Colors.LightGray, LinePattern.Dashed);
            if (i % taps == 0) continue;
            ScottPlot.Plottables.LinePlot joint = plot.Add.Line(afterX[i - 1], afterY[i - 1], afterX[i], afterY[i]);
            (joint.LineColor, joint.LineWidth) = (Colors.C1, 2);
        }
    }

    /// <summary>The row of P that drives the last axis but so many.</summary>
    static int Row(Dcls layer, int fromLast)
    {
        int rank = layer.HalfWindow.Count, row = 0;
        while (layer.Version.Axis(row, rank, layer.Convention) != rank - 1 - fromLast) row++;
        return row;
    }

    internal static void Name(Plot plot, string title, string x, string y, Alignment legend)
    {
        plot.Title(title, TitleSize);
        plot.XLabel(x);
        plot.YLabel(y);
        plot.ShowLegend(legend);
    }
}
