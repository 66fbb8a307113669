using MiniTorch.Models;

namespace MiniTorch.Tests.Taps;

/// <summary>Gradients of layers in double against differences of their own outputs, over random configurations away from the kinks.</summary>
public sealed class DclsGradientTests
{
    /// <summary>Configurations of each form and version: 24 · 9 in all.</summary>
    const int Configurations = 9;

    /// <summary>
    /// Fourth-order differences with h = 1e-3 leave h⁴/30 of the fifth derivative, at most 5e-8 for the narrowest Gaussian (d/σ² ≤ 17, 17⁵ · 1e-12 / 30), and 1e-15/h of the sum
    /// of all outputs, which is below 1e4; kinks are at least 0.05 away.
    /// </summary>
    const double Step = 1e-3, Tolerance = 1e-6;

    public static TheoryData<string, string> Layers => DclsDefinitionTests.Layers;

    [Theory, MemberData(nameof(Layers))]
    public void Gradients_agree_with_differences(string form, string version)
    {
        using CpuDevice device = new(1);
        for (int number = 0; number < Configurations; number++)
        {
            LayerCase c = LayerCase.Draw(form, version, number);
            (Dcls layer, ParameterStore store) = c.Build(device);
            using ParameterStore owner = store;
            Tensor x = c.Input(device, trainable: true);
            RandomStream random = new(22, (uint)number);
            double[] seed = [.. c.Reference(new double[c.Taps.Planes * c.Taps.Cells * c.Taps.Pairs]).Select(_ => TapSet.Grid(random.NextNormal()))];
            Differentiate(layer, x, seed);
            foreach ((string name, Tensor tensor) in store.Trainable.Append(("x", x)))
            {
                double[] at = tensor.ToDoubles(), slopes = tensor.Gradient!.ToDoubles();
                for (int d = 0; d < 4; d++)
                {
                    double[] direction = new double[at.Length];
                    if (d > 0) direction[random.NextInt(at.Length)] = 1;
                    else for (int i = 0; i < at.Length; i++) direction[i] = random.NextNormal() / Math.Sqrt(at.Length);
                    double Along(double h)
                    {
                        tensor.WriteDoubles([.. at.Zip(direction, (a, v) => a + h * v)]);
                        return Project(layer, x, seed);
                    }
                    double expected = (8 * (Along(Step) - Along(-Step)) - (Along(2 * Step) - Along(-2 * Step))) / (12 * Step);
                    double actual = slopes.Zip(direction, static (s, v) => s * v).Sum();
                    tensor.WriteDoubles(at);
                    Assert.True(Math.Abs(expected - actual) <= Tolerance * Math.Max(1, Math.Abs(expected)),
                        $"{c}: {name}, direction {d}: gradient {actual}, difference {expected}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Layers))]
    public void Gradients_are_the_same_bits_for_any_number_of_threads(string form, string version)
    {
        foreach (DType type in (ReadOnlySpan<DType>)[DType.Float64, DType.Float32])
            for (int number = 0; number < 2; number++)
            {
                double[][] one = Gradients(1), three = Gradients(3);
                for (int i = 0; i < one.Length; i++) Assert.Equal(one[i], three[i]);

                double[][] Gradients(int threads)
                {
                    using CpuDevice device = new(threads);
                    LayerCase c = LayerCase.Draw(form, version, number);
                    (Dcls layer, ParameterStore store) = c.Build(device, type);
                    using ParameterStore owner = store;
                    Tensor x = c.Input(device, type, trainable: true);
                    double[] y = Differentiate(layer, x, null);
                    return [y, .. store.Trainable.Append(("x", x)).Select(static p => p.Item2.Gradient!.ToDoubles())];
                }
            }
    }

    /// <summary>Fills the gradients of Σ y · seed (Σ y²/2 without a seed) and returns y.</summary>
    static double[] Differentiate(Dcls layer, Tensor x, double[]? seed)
    {
        using Step step = MiniTorch.Step.Begin();
        Tensor y = layer.Forward(x), dy = Tensor.Like(y);
        double[] values = y.ToDoubles();
        dy.WriteDoubles(seed ?? values);
        y.Backward(dy);
        return values;
    }

    static double Project(Dcls layer, Tensor x, double[] seed)
    {
        using Step step = MiniTorch.Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        return layer.Forward(x).ToDoubles().Zip(seed, static (y, s) => y * s).Sum();
    }
}
