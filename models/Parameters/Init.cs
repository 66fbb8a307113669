namespace MiniTorch.Models;

/// <summary>Fills a new parameter; the stream is keyed by the store's seed and the parameter's name.</summary>
public delegate void Init(RandomStream random, Span<double> values);

/// <summary>The usual initial values.</summary>
public static class Inits
{
    /// <summary>All 0.</summary>
    public static Init Zeros { get; } = Constant(0);

    /// <summary>All 1.</summary>
    public static Init Ones { get; } = Constant(1);

    /// <summary>All the same.</summary>
    public static Init Constant(double value) => (_, v) => v.Fill(value);

    /// <summary>Uniform in [low, high].</summary>
    public static Init Uniform(double low, double high) => (random, v) =>
    {
        for (int i = 0; i < v.Length; i++) v[i] = low + (high - low) * random.NextDouble();
    };

    /// <summary>PyTorch's default for linear and convolution weights, Kaiming uniform with a = √5: U(±1/√fanIn).</summary>
    public static Init FanIn(int fanIn) => Uniform(-1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn));

    /// <summary>Normal of mean 0.</summary>
    public static Init Normal(double deviation) => (random, v) =>
    {
        for (int i = 0; i < v.Length; i++) v[i] = deviation * random.NextNormal();
    };

    /// <summary>Normal of mean 0, redrawn until within ±2 (absolute, as timm and PyTorch do).</summary>
    public static Init TruncatedNormal(double deviation) => (random, v) =>
    {
        for (int i = 0; i < v.Length; i++)
            do v[i] = deviation * random.NextNormal();
            while (Math.Abs(v[i]) > 2);
    };

    /// <summary>1 with a probability, else 0.</summary>
    public static Init Bernoulli(double probability) => (random, v) =>
    {
        for (int i = 0; i < v.Length; i++) v[i] = random.NextDouble() < probability ? 1 : 0;
    };
}
