using System.Text.Json;
using MiniTorch.Models;
using ScottPlot;

namespace MiniTorch.Cli;

/// <summary>The pictures of a run: curves.png, and positions.png with the kernel positions of each stage before and after.</summary>
static class Plots
{
    const int Wide = 1200, High = 500, Panel = 420, TitleSize = 14;

    /// <summary>Draws what the run has; a plot that cannot be drawn is said and stops nothing.</summary>
    internal static void Draw(RunFolder run, RunConfig config, Terminal terminal)
    {
        if (!Fonts.Present) Terminal.Warn($"fonts: {Fonts.Remedy}");
        try
        {
            EpochMetrics[] epochs = File.Exists(run.MetricsPath)
                ? [.. File.ReadLines(run.MetricsPath).Select(static l => JsonSerializer.Deserialize<EpochMetrics>(l, RunJson.Line)!)] : [];
            if (epochs.Length > 0) run.Write("curves.png", Curves(epochs));
            if (Positions(Safetensors.Read(run.Checkpoint("last")), config.Network) is { } positions) run.Write("positions.png", positions);
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
        return plots.Render(Wide, High).GetImageBytes(ImageFormat.Png);

        void Line(Plot plot, string name, Func<EpochMetrics, double?> value)
        {
            EpochMetrics[] known = [.. epochs.Where(e => value(e) is not null)];
            if (known.Length > 0) plot.Add.Scatter(known.Select(static e => (double)e.Epoch).ToArray(), known.Select(e => value(e)!.Value).ToArray()).LegendText = name;
        }
    }

    static byte[]? Positions(Safetensors checkpoint, ConvNeXtOptions network)
    {
        const string initial = "initial.", model = "model.";
        string[] names =
        [
            .. checkpoint.Tensors.Keys.Where(static n => n.StartsWith(initial, StringComparison.Ordinal) && n.EndsWith(".P", StringComparison.Ordinal))
                .Select(static n => n[initial.Length..]),
        ];
        if (names.Length == 0) return null;
        bool rowsFirst = Ops.Interpolation.Parse(network.Version!).Axis(0, 2) == 0;
        double edge = network.KernelSize / 2 + 0.5;
        Multiplot plots = new();
        plots.AddPlots(names.Length);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        for (int i = 0; i < names.Length; i++)
        {
            Plot plot = plots.GetPlot(i);
            StoredTensor before = checkpoint.Tensors[initial + names[i]], after = checkpoint.Tensors[model + names[i]];
            Points(plot, before, "before", Colors.Gray, 3, rowsFirst);
            Points(plot, after, "after", Colors.C1, 4, rowsFirst);
            Name(plot, $"{names[i][..^2]}: {after.Shape[1]} channels x {after.Shape[^1]} taps", "x, pixels from the centre", "y, downwards", Alignment.LowerRight);
            plot.Axes.SetLimits(-edge, edge, edge, -edge);       // rows of an image count downwards
        }
        return plots.Render(Math.Max(2, names.Length) * Panel, Panel).GetImageBytes(ImageFormat.Png);
    }

    /// <summary>Positions (2, out, in/g, count), in pixels from the centre.</summary>
    static void Points(Plot plot, StoredTensor positions, string name, Color color, float size, bool rowsFirst)
    {
        double[] values = positions.ToDoubles();
        int count = values.Length / 2;
        double[] first = values[..count], second = values[count..];
        plot.Add.Markers(rowsFirst ? second : first, rowsFirst ? first : second, MarkerShape.FilledCircle, size, color).LegendText = name;
    }

    static void Name(Plot plot, string title, string x, string y, Alignment legend)
    {
        plot.Title(title, TitleSize);
        plot.XLabel(x);
        plot.YLabel(y);
        plot.ShowLegend(legend);
    }
}
