using MiniTorch.Models;
using MiniTorch.Ops;
using ScottPlot;

namespace MiniTorch.Cli;

/// <summary>
/// One recording on its way through a spiking network, layers below one another over a common axis of time: the spikes of the input, of each layer of neurons that fires, and the
/// membranes of the output neurons, by class.
/// </summary>
/// <param name="Index">Number of the recording.</param>
/// <param name="Class">What it is.</param>
/// <param name="Guess">What the network takes it for.</param>
/// <param name="Layers">Spikes [time, neurons] of the input and of each layer of neurons.</param>
/// <param name="Membranes">Of the output [time, classes].</param>
/// <param name="Classes">Names of the classes.</param>
sealed record Raster(int Index, int Class, int Guess, IReadOnlyList<(string Name, double[] Spikes, int Neurons)> Layers, double[] Membranes, string[] Classes)
{
    const int Wide = 1100, High = 230;
    const float Dot = 3;

    int Steps => Membranes.Length / Classes.Length;

    /// <summary>Runs a recording of a test set.</summary>
    internal static Raster Of(ISpiking net, RunConfig config, IDataset test, int index, Device device)
    {
        float[] values = new float[test.Sample.Count];
        test.Read(index, values);
        float[] normal = [.. values];
        new Normalisation(config.Training.Mean, config.Training.Deviation, test.Sample).Apply(normal);
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        (int steps, int channels) = (test.Sample[0], test.Sample[1]);
        (IReadOnlyList<Tensor> spikes, Tensor membrane) = net.Simulate(Tensor.Of(normal, [steps, 1, channels], device));
        double[] logits = net.Forward(Tensor.Of(normal, [1, steps, channels], device)).ToDoubles();
        (string, double[], int)[] layers =
        [
            ("input", Array.ConvertAll(values, static v => (double)v), channels),
            .. spikes.Select((s, i) => (i < spikes.Count - 1 ? $"layer {i + 1}" : "output", s.ToDoubles(), s.Shape[2])),
        ];
        return new(index, test.Label(index), Array.IndexOf(logits, logits.Max()), layers, membrane.ToDoubles(), config.Classes);
    }

    internal void Write(string path) => Picture.Write(Draw(out int high), Wide, high, path);

    internal void Write(RunFolder run, string name)
    {
        Multiplot plots = Draw(out int high);
        run.Write(name + ".png", Picture.Png(plots, Wide, high));
        run.Write(name + ".svg", Picture.Svg(plots, Wide, high));
    }

    Multiplot Draw(out int high)
    {
        (string Name, double[] Spikes, int Neurons)[] shown = [.. Layers.Where((l, i) => i < Layers.Count - 1 || l.Spikes.Any(static s => s != 0))];      // an output that is read by its membranes never fires
        Multiplot plots = new();
        plots.AddPlots(shown.Length + 1);
        plots.Layout = new ScottPlot.MultiplotLayouts.Rows();
        for (int i = 0; i < shown.Length; i++) Spikes(plots.GetPlot(i), shown[i].Name, shown[i].Spikes, shown[i].Neurons);
        Traces(plots.GetPlot(shown.Length));
        for (int i = 0; i <= shown.Length; i++) plots.GetPlot(i).Layout.Fixed(new PixelPadding(60, 15, 45, 35));         // so that equal times lie below one another
        high = (shown.Length + 1) * High;
        return plots;
    }

    void Spikes(Plot plot, string name, double[] spikes, int neurons)
    {
        int[] places = [.. Enumerable.Range(0, spikes.Length).Where(i => spikes[i] != 0)];
        if (places.Length > 0)
            plot.Add.Markers(places.Select(i => (double)(i / neurons)).ToArray(), places.Select(i => (double)(i % neurons)).ToArray(), MarkerShape.FilledSquare, Dot, Colors.Black);
        plot.Title($"{name}: {places.Length:n0} spikes of {neurons} {(name == "input" ? "channels" : "neurons")}", Plots.TitleSize);
        plot.YLabel(name == "input" ? "channel" : "neuron");
        plot.Axes.SetLimits(-1, Steps, -1, neurons);
    }

    void Traces(Plot plot)
    {
        double[] time = [.. Enumerable.Range(0, Steps).Select(static t => (double)t)];
        for (int c = 0; c < Classes.Length; c++)
            if (c != Class && c != Guess) Trace(c, Colors.LightGray, 1, null);
        if (Guess != Class) Trace(Guess, Colors.C1, 2, $"{Classes[Guess]} (guessed)");
        Trace(Class, Colors.C0, 3, $"{Classes[Class]} (true class)");
        Plots.Name(plot, $"membranes of the output: recording {Index} is {Classes[Class]}, taken for {Classes[Guess]}", "time, steps", "membrane", Alignment.UpperRight);
        double least = Membranes.Min(), most = Membranes.Max(), margin = 0.05 * Math.Max(1e-3, most - least);
        plot.Axes.SetLimits(-1, Steps, least - margin, most + margin);

        void Trace(int c, Color color, float width, string? legend)
        {
            ScottPlot.Plottables.Scatter line = plot.Add.ScatterLine(time, time.Select(t => Membranes[(int)t * Classes.Length + c]).ToArray());
            (line.Color, line.LineWidth) = (color, width);
            if (legend is not null) line.LegendText = legend;
        }
    }
}
