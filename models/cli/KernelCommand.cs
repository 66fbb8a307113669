using System.CommandLine;
using MiniTorch.Ops;

namespace MiniTorch.Cli;

/// <summary>dcls kernel: what an interpolation makes of taps, and how far a tap feels a gradient.</summary>
static class KernelCommand
{
    const double OwnWeight = 1;

    static readonly Option<string> version = new("--version")
    {
        Description = $"Interpolation: {string.Join(", ", Interpolation.All)}.", DefaultValueFactory = static _ => Interpolation.Gauss.Version, HelpName = "NAME",
    };
    static readonly Option<int?> size = Options.Number<int>("--size", "Window, both axes (default: 9).", "N", 1);
    static readonly Option<int?> count = Options.Number<int>("--count", "Taps (default: 3).", "N", 1);
    static readonly Option<double?> sigma = Options.Number<double>("--sig", "SIG of every tap (default: the version's own).", "SIG", 0);
    static readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Key of the random positions and weights (default: 0).", "N", 0);
    static readonly Option<string> file = new("--out") { Description = "Picture to write, .png or .svg.", DefaultValueFactory = static _ => "kernel.png", HelpName = "FILE" };

    sealed record Tap(double X, double Y, double Weight);

    sealed record Result(string Version, int Size, double? Sig, IReadOnlyList<Tap> Taps, string Picture);

    internal static Command Make()
    {
        Command command = Examples.On(new("kernel", "Draws a DCLS kernel of random taps, and the field of the position gradient."),
            "dcls kernel", "dcls kernel --version v0 --size 17 --count 34 --out bilinear.svg", "dcls kernel --version gauss --sig 1.5 --json");
        foreach (Option option in (ReadOnlySpan<Option>)[version, size, count, sigma, seed, file, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(Draw);
        return command;
    }

    static int Draw(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        Interpolation f = Version(parsed.GetValue(version)!);
        int window = parsed.GetValue(size) ?? 9, taps = parsed.GetValue(count) ?? 3;
        double? sig = f.HasSigma ? parsed.GetValue(sigma) ?? f.InitialSig : null;
        if (sig is null && parsed.GetValue(sigma) is not null) throw new WrongInputException($"version {f} has no width; leave --sig out");
        string path = parsed.GetValue(file)!;
        KernelPicture picture = Compute(f, window, taps, sig, parsed.GetValue(seed) ?? 0);
        picture.Write(path);
        Result r = new(f.Version, window, sig, [.. picture.X.Zip(picture.Y, picture.Weights).Select(static t => new Tap(t.First, t.Second, t.Third))], path);
        terminal.Emit(r);
        terminal.Say($"{f}, {taps} taps in {window}x{window}{(sig is null ? "" : $", SIG {sig:0.###}")}; picture {path}");
        foreach (Tap t in r.Taps) terminal.Say($"  x {t.X,7:0.00}  y {t.Y,7:0.00}  weight {t.Weight,6:0.00}");
        return ExitCode.Done;
    }

    static Interpolation Version(string name)
    {
        try
        {
            return Interpolation.Parse(name);
        }
        catch (TensorException e)
        {
            throw new WrongInputException(e.Message, e);
        }
    }

    static KernelPicture Compute(Interpolation f, int window, int taps, double? sig, ulong key)
    {
        RandomStream random = new(key, 1);
        double half = (window - 1) / 2.0;
        double[] x = Spread(), y = Spread(), weights = [.. Enumerable.Range(0, taps).Select(_ => random.NextDouble() < 0.3 ? -OwnWeight : OwnWeight)];
        using Step step = Step.Begin();
        double[] kernel = f.Draw(Column(weights, taps, 1), At(f, x, y, taps, 1), Sig([2, taps, 1, 1]), [window, window]).ToDoubles();

        // One tap of weight 1 at every point of a lattice, each in a channel of its own; the centre cell alone asks for more: dL/dK is -1 there and 0 elsewhere.
        const int Lattice = 17;
        double reach = Math.Min(half, 3 + 3 * (sig ?? 0));
        int points = Lattice * Lattice, centre = window / 2;
        double[] px = new double[points], py = new double[points], ask = new double[window * window * points];
        for (int i = 0; i < points; i++)
        {
            (px[i], py[i]) = (reach * (2.0 * (i % Lattice) / (Lattice - 1) - 1), reach * (2.0 * (i / Lattice) / (Lattice - 1) - 1));
            ask[(centre * window + centre) * points + i] = -1;
        }
        Tensor position = At(f, px, py, 1, points, trainable: true);
        Tensor drawn = f.Draw(Column([.. Enumerable.Repeat(OwnWeight, points)], 1, points), position, Sig([2, 1, 1, points]), [window, window]);
        drawn.Backward(Filled(ask, drawn.Shape));
        double[] gradient = position.Gradient!.ToDoubles();
        int column = f.Axis(0, 2) == 1 ? 0 : points, row = points - column;
        double[] dx = [.. gradient.AsSpan(column, points).ToArray().Select(static g => -g)], dy = [.. gradient.AsSpan(row, points).ToArray().Select(static g => -g)];
        return new(f, window, sig, kernel, x, y, weights, px, py, dx, dy);

        double[] Spread() => [.. Enumerable.Range(0, taps).Select(_ => 0.8 * half * (2 * random.NextDouble() - 1))];

        Tensor? Sig(Shape shape) => sig is { } value ? Filled([.. Enumerable.Repeat(value, (int)shape.Count)], shape) : null;
    }

    /// <summary>P [2, count, 1, channels] of points in pixels from the centre, rows as the version has them.</summary>
    static Tensor At(Interpolation f, double[] x, double[] y, int count, int channels, bool trainable = false)
        => Filled(f.Axis(0, 2) == 1 ? [.. x, .. y] : [.. y, .. x], [2, count, 1, channels], trainable);

    static Tensor Column(double[] weights, int count, int channels) => Filled(weights, [count, 1, channels]);

    static Tensor Filled(double[] values, Shape shape, bool trainable = false)
    {
        Tensor x = Tensor.Lasting(shape, DType.Float64, Device.Cpu, trainable);
        x.WriteDoubles(values);
        return x;
    }
}
