using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>
/// The parameters of a kernel on the host: weight [count, *dense, inputs, outputs], P and SIG [axes, count, *dense, inputs, outputs]. What is drawn are multiples of 2⁻¹⁰,
/// the same in both precisions.
/// </summary>
public sealed record TapSet(string Version, Convention Convention, int[] Dense, int[] Size, int Count, int Inputs = 1, int Outputs = 1)
{
    public double[] Weight { get; init; } = [];
    public double[] Position { get; init; } = [];
    public double[]? Sigma { get; init; }

    public Interpolation Interpolation => Interpolation.Parse(Version);
    public bool HasSigma => Version is "max" or "gauss";
    public int Planes => Dense.Aggregate(1, static (product, s) => product * s);
    public int Cells => Size.Aggregate(1, static (product, s) => product * s);
    public int Pairs => Inputs * Outputs;
    public int Taps => Count * Planes * Pairs;

    /// <summary>With taps from two cells before the window to two behind it, none near a kink: q is a tenth of a pixel or more off the cells, and for max so are q ± σ half as much.</summary>
    public TapSet Scattered(RandomStream random)
    {
        double[] weight = new double[Taps], position = new double[Size.Length * Taps], sigma = new double[position.Length];
        for (int i = 0; i < Taps; i++) weight[i] = Grid(random.NextNormal());
        for (int i = 0; i < position.Length; i++)
        {
            int row = i / Taps;
            double q = random.NextInt(Size[NaiveDcls.Axis(this, row)] + 3) - 2 + (103 + random.NextInt(819)) / 1024.0;
            position[i] = q - NaiveDcls.Half(this, row);
            do sigma[i] = (random.NextInt(2) == 0 ? 1 : -1) * (64 + random.NextInt(1472)) / 1024.0;
            while (Version == "max" && (OffCells(q + Math.Abs(sigma[i])) < 0.05 || OffCells(q - Math.Abs(sigma[i])) < 0.05));
        }
        return this with { Weight = weight, Position = position, Sigma = HasSigma ? sigma : null };
    }

    public static double Grid(double value) => Math.Round(value * 1024) / 1024;

    static double OffCells(double q) => Math.Abs(q - Math.Round(q));

    /// <summary>The kernel [*dense, *size, inputs, outputs] that the library draws.</summary>
    public double[] Drawn(DType type = DType.Float64) => Run(null, type).Kernel;

    /// <summary>Kernel and gradients (of Σ kernel · seed) as the library computes them.</summary>
    public TapGradients Run(double[]? seed, DType type = DType.Float64, int threads = 1)
    {
        using CpuDevice device = new(threads);
        return Run(seed, type, device);
    }

    /// <summary>Kernel and gradients as a device computes them.</summary>
    public TapGradients Run(double[]? seed, DType type, Device device)
    {
        using Step step = Step.Begin();
        Shape taps = [Count, .. Dense, Inputs, Outputs], positions = [Size.Length, .. taps.Dims];
        Tensor weight = Leaf(taps, Weight), position = Leaf(positions, Position);
        Tensor? sigma = Sigma is null ? null : Leaf(positions, Sigma);
        Tensor kernel = Interpolation.Draw(weight, position, sigma, Size, Convention);
        double[] values = kernel.ToDoubles();
        if (seed is null) return new(values, [], [], null);
        Tensor dy = Tensor.Like(kernel);
        dy.WriteDoubles(seed);
        kernel.Backward(dy);
        return new(values, weight.Gradient!.ToDoubles(), position.Gradient!.ToDoubles(), sigma?.Gradient!.ToDoubles());

        Tensor Leaf(Shape shape, double[] data)
        {
            Tensor x = Tensor.Lasting(shape, type, device, trainable: true);
            x.WriteDoubles(data);
            return x;
        }
    }

    /// <summary>An upstream gradient of the kernel.</summary>
    public double[] Seed(RandomStream random) => [.. Enumerable.Range(0, Planes * Cells * Pairs).Select(_ => Grid(random.NextNormal()))];

    public override string ToString()
        => $"{Version} {Convention} {string.Join('×', Dense)}|{string.Join('×', Size)} of {Count}, {Inputs} → {Outputs}";
}

/// <summary>A kernel and what its parameters' gradients are.</summary>
public sealed record TapGradients(double[] Kernel, double[] Weight, double[] Position, double[]? Sigma)
{
    public IEnumerable<(string Name, double[] Values)> All
        => Sigma is null ? [("K", Kernel), ("dW", Weight), ("dP", Position)] : [("K", Kernel), ("dW", Weight), ("dP", Position), ("dSIG", Sigma)];
}
