using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>What every layer satisfies, whatever its kernel.</summary>
public sealed class DclsLayerProperties
{
    const int Cases = 8;

    public static TheoryData<string, string> Layers => DclsDefinitionTests.Layers;

    /// <summary>⟨f(x), g⟩ = ⟨x, ∂x⟩: a layer without bias is linear in its input.</summary>
    [Theory, MemberData(nameof(Layers))]
    public void The_gradient_of_the_input_is_the_adjoint(string form, string version)
    {
        using CpuDevice device = new(1);
        for (int number = 0; number < Cases; number++)
        {
            LayerCase c = LayerCase.Draw(form, version, number) with { Bias = null };
            (Dcls layer, ParameterStore store) = c.Build(device);
            using ParameterStore owner = store;
            using Step step = Step.Begin();
            Tensor x = c.Input(device, trainable: true), y = layer.Forward(x), g = Tensor.Like(y);
            RandomStream random = new(60, (uint)number);
            g.WriteDoubles([.. Enumerable.Range(0, y.Count).Select(_ => random.NextNormal())]);
            double expected = y.ToDoubles().Zip(g.ToDoubles(), static (a, b) => a * b).Sum(), size = y.ToDoubles().Zip(g.ToDoubles(), static (a, b) => Math.Abs(a * b)).Sum();
            y.Backward(g);
            double actual = x.ToDoubles().Zip(x.Gradient!.ToDoubles(), static (a, b) => a * b).Sum();
            Assert.True(Math.Abs(expected - actual) <= 1e-12 * (1 + size), $"{c}: {expected} and {actual}");
        }
    }

    [Theory, MemberData(nameof(Layers))]
    public void With_circular_padding_a_shifted_input_gives_the_shifted_output(string form, string version)
    {
        using CpuDevice device = new(1);
        for (int number = 0; number < Cases; number++)
        {
            LayerCase drawn = LayerCase.Draw(form, version, number);
            TapSet taps = drawn.Taps with { Dense = [.. drawn.Taps.Dense.Select(static s => s | 1)], Size = [.. drawn.Taps.Size.Select(static s => s | 1)] };
            RandomStream random = new(61, (uint)number);
            LayerCase c = drawn with { Taps = taps.Scattered(random), Mode = PaddingMode.Circular, Stride = [.. drawn.Stride.Select(static _ => 1)] };
            c = c with { Padding = [.. c.KernelSize.Select(static s => s / 2)], Spatial = [.. c.KernelSize.Select(s => s / 2 + 1 + random.NextInt(3))] };
            c = c with { X = [.. Enumerable.Range(0, c.Batch * NaiveConvolution.Count(c.Spatial) * c.Channels).Select(_ => random.NextNormal())] };
            int[] shift = [.. c.Spatial.Select(s => random.NextInt(s))];
            (Dcls layer, ParameterStore store) = c.Build(device);
            using ParameterStore owner = store;
            using Step step = Step.Begin();
            double[] y = layer.Forward(c.Input(device)).ToDoubles(), moved = layer.Forward((c with { X = Shifted(c.X, c.Channels) }).Input(device)).ToDoubles();
            Assert.True(Agreement.Error(Shifted(y, taps.Outputs), moved) <= 1e-12, $"{c}, shifted by {string.Join('×', shift)}");

            double[] Shifted(double[] values, int channels)
            {
                double[] to = new double[values.Length];
                int points = NaiveConvolution.Count(c.Spatial);
                for (int i = 0; i < values.Length; i++)
                {
                    int[] at = NaiveConvolution.Index(i / channels % points, c.Spatial);
                    int there = 0;
                    for (int axis = 0; axis < at.Length; axis++) there = there * c.Spatial[axis] + (at[axis] + shift[axis]) % c.Spatial[axis];
                    to[(i / channels / points * points + there) * channels + i % channels] = values[i];
                }
                return to;
            }
        }
    }
}
