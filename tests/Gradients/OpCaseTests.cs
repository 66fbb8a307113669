using MiniTorch.Tests.Cases;

namespace MiniTorch.Tests.Gradients;

/// <summary>What every operation must satisfy, over the one list of cases.</summary>
public sealed class OpCaseTests
{
    const int FewElements = 40;     // up to here every element is differenced, beyond it one random direction per input

    public static TheoryData<string> Names => [.. OpCases.ByName.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Gradients_agree_with_central_differences(string name)
    {
        OpCase c = OpCases.ByName[name];
        using CpuDevice device = new(1);
        Tensor[] inputs = c.Draw(DType.Float64, device);
        double[] seed = Seed(c, inputs);
        double[]?[] slopes = Differentiate(c, inputs, seed).Gradients;
        RandomStream random = new(99, 0);
        for (int k = 0; k < inputs.Length; k++)
        {
            if (!inputs[k].Trainable) continue;
            double[] at = inputs[k].ToDoubles();
            for (int e = 0; e < (at.Length <= FewElements ? at.Length : 2); e++)
            {
                double[] direction = new double[at.Length];
                if (at.Length <= FewElements) direction[e] = 1;
                else for (int i = 0; i < direction.Length; i++) direction[i] = random.NextNormal() / Math.Sqrt(at.Length);
                double Along(double step)
                {
                    inputs[k].WriteDoubles([.. at.Zip(direction, (a, d) => a + step * d)]);
                    return Value(c, inputs, seed);
                }
                double expected = (Along(c.Epsilon) - Along(-c.Epsilon)) / (2 * c.Epsilon);
                double actual = slopes[k] is { } g ? g.Zip(direction, (s, d) => s * d).Sum() : 0;
                inputs[k].WriteDoubles(at);
                double error = Math.Abs(expected - actual) / Math.Max(1, Math.Abs(expected));
                Assert.True(error <= c.GradientTolerance, $"{name}: input {k}, direction {e}: analytic {actual}, difference {expected}, error {error:e2}");
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Float32_agrees_with_float64_at_every_width_and_any_thread_count(string name)
    {
        OpCase c = OpCases.ByName[name];
        using CpuDevice oracle = new(1);
        Tensor[] exact = c.Draw(DType.Float64, oracle);
        double[] seed = Seed(c, exact);
        (double[] y, double[]?[] g) = Differentiate(c, exact, seed);
        foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
        {
            (double[] Y, double[]?[] G)? first = null;
            foreach (int threads in (ReadOnlySpan<int>)[1, 2, 8])
            {
                using CpuDevice device = new(threads, new(bits));
                (double[] y32, double[]?[] g32) = Differentiate(c, c.Draw(DType.Float32, device), seed);
                Close(y, y32, c.Tolerance32, $"{name} at {bits} bits: y");
                for (int k = 0; k < g.Length; k++) if (g[k] is { } expected) Close(expected, g32[k]!, c.Tolerance32, $"{name} at {bits} bits: gradient {k}");
                if (first is null) first = (y32, g32);
                else
                {
                    Assert.Equal(first.Value.Y, y32);
                    for (int k = 0; k < g.Length; k++) Assert.Equal(first.Value.G[k], g32[k]);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Nothing_is_left_behind(string name)
    {
        OpCase c = OpCases.ByName[name];
        using CpuDevice device = new(2);
        Tensor[] inputs = c.Draw(DType.Float32, device);
        double[] seed = Seed(c, inputs);
        for (int round = 0; round < 2; round++)
        {
            _ = Differentiate(c, inputs, seed);
            int gradients = inputs.Count(static x => x.Gradient is not null);
            Assert.Equal(inputs.Length + gradients, device.Pool.LiveBlocks);
        }
        GC.KeepAlive(inputs);
    }

    internal static double[] Seed(OpCase c, Tensor[] inputs)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] seed = new double[c.Run(inputs).Count];
        RandomStream random = new(77, 1);
        for (int i = 0; i < seed.Length; i++) seed[i] = (float)random.NextNormal();
        return seed;
    }

    static double Value(OpCase c, Tensor[] inputs, double[] seed)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        return c.Run(inputs).ToDoubles().Zip(seed, static (y, s) => y * s).Sum();
    }

    internal static (double[] Y, double[]?[] Gradients) Differentiate(OpCase c, Tensor[] inputs, double[] seed)
    {
        using Step step = Step.Begin();
        Tensor y = c.Run(inputs);
        double[] values = y.ToDoubles();
        foreach (Tensor x in inputs) x.GradientFilled = false;
        if (y.Source is not null)
        {
            Tensor dy = Tensor.Like(y);
            dy.WriteDoubles(seed);
            y.Backward(dy);
        }
        return (values, [.. inputs.Select(static x => x.GradientFilled ? x.Gradient!.ToDoubles() : null)]);
    }

    internal static void Close(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = Math.Max(0.1, expected.Select(static v => double.IsFinite(v) ? Math.Abs(v) : 0).DefaultIfEmpty().Max());
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i].Equals(actual[i]) || Math.Abs(expected[i] - actual[i]) <= tolerance * scale,
                $"{what}[{i}] is {actual[i]}, expected {expected[i]}");
    }
}
