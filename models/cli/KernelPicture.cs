using MiniTorch.Ops;
using ScottPlot;
using ScottPlot.Colormaps;

namespace MiniTorch.Cli;

/// <summary>
/// Two panels: the kernel [h, w] with the positions of its taps, and the direction and strength in which a tap at each point would move if the centre cell asked for more.
/// Coordinates are pixels from the centre, x to the right, y downwards.
/// </summary>
sealed record KernelPicture(Interpolation Version, int Size, double? Sig, double[] Kernel, double[] X, double[] Y, double[] Weights,
    double[] PointX, double[] PointY, double[] MoveX, double[] MoveY)
{
    const int Panel = 480, TitleSize = 14;
    const double LongestArrow = 0.9;        // of the distance between points

    double Half => (Size - 1) / 2.0;

    internal void Write(string path)
    {
        if (!Fonts.Present) Terminal.Warn($"fonts: {Fonts.Remedy}");
        Multiplot plots = new();
        plots.AddPlots(2);
        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Taps(plots.GetPlot(0));
        Field(plots.GetPlot(1));
        Picture.Write(plots, 2 * Panel, Panel, path);
    }

    void Taps(Plot plot)
    {
        double[,] cells = new double[Size, Size];
        for (int i = 0; i < Kernel.Length; i++) cells[i / Size, i % Size] = Kernel[i];
        double most = Math.Max(1e-12, Kernel.Max(Math.Abs));
        ScottPlot.Plottables.Heatmap map = plot.Add.Heatmap(cells);
        if (Size > 1) map.Position = new(-Half, Half, -Half, Half);         // centres of the outermost cells
        map.Colormap = new Balance();
        map.ManualRange = new(-most, most);
        plot.Add.ColorBar(map);
        plot.Add.Markers(X, Y, MarkerShape.Cross, 12, Colors.Black).MarkerLineWidth = 2;
        Name(plot, Half + 0.6, $"{Version}: {X.Length} taps draw {Kernel.Count(static v => Math.Abs(v) > 1e-6)} of {Kernel.Length} cells");
    }

    void Field(Plot plot)
    {
        double longest = Math.Max(1e-12, MoveX.Zip(MoveY, static (x, y) => Math.Sqrt(x * x + y * y)).Max());
        double scale = LongestArrow * (PointX[1] - PointX[0]) / longest;
        plot.Add.Rectangle(Half % 1 - 0.5, Half % 1 + 0.5, Half % 1 - 0.5, Half % 1 + 0.5).FillColor = Colors.Orange.WithAlpha(0.5);
        for (int i = 0; i < PointX.Length; i++)
        {
            (double dx, double dy) = (scale * MoveX[i], scale * MoveY[i]);
            if (Math.Abs(dx) + Math.Abs(dy) < 0.02 * scale * longest) plot.Add.Marker(PointX[i], PointY[i], MarkerShape.FilledCircle, 2, Colors.LightGray);
            else Arrow(plot, PointX[i] - dx / 2, PointY[i] - dy / 2, dx, dy);
        }
        Name(plot, PointX.Max() + 0.3, $"-dL/dP, the orange cell asks for more{(Sig is > 0 ? $"; SIG {Sig:0.##}" : "")}");
    }

    /// <summary>A shaft and two barbs.</summary>
    static void Arrow(Plot plot, double x, double y, double dx, double dy)
    {
        const double Barb = 0.35, Spread = 0.2;
        (double endX, double endY) = (x + dx, y + dy);
        Line(x, y);
        Line(endX - Barb * dx - Spread * dy, endY - Barb * dy + Spread * dx);
        Line(endX - Barb * dx + Spread * dy, endY - Barb * dy - Spread * dx);

        void Line(double fromX, double fromY)
        {
            ScottPlot.Plottables.LinePlot line = plot.Add.Line(fromX, fromY, endX, endY);
            (line.LineColor, line.LineWidth) = (Colors.C0, 1.5f);
        }
    }

    static void Name(Plot plot, double edge, string title)
    {
        plot.Title(title, TitleSize);
        plot.XLabel("x, pixels from the centre");
        plot.YLabel("y, downwards");
        plot.Axes.SetLimits(-edge, edge, edge, -edge);
    }
}
