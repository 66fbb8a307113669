using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Kernels drawn once, taps on whole cells, and the list of cells.</summary>
public sealed class DclsInferenceTests
{
    const int Cases = 4;

    public static TheoryData<string, string> Layers => DclsDefinitionTests.Layers;

    [Theory, MemberData(nameof(Layers))]
    public void Baked_a_layer_gives_the_same_bits_and_keeps_them_whatever_becomes_of_the_parameters(string form, string version)
    {
        using CpuDevice device = new(2);
        foreach (DType type in (ReadOnlySpan<DType>)[DType.Float32, DType.Float64])
            for (int number = 0; number < Cases; number++)
            {
                LayerCase c = LayerCase.Draw(form, version, number);
                c = c with { Bias = [.. Enumerable.Range(1, c.Taps.Outputs).Select(static i => (double)i)] };
                (Dcls layer, ParameterStore store) = c.Build(device, type);
                using ParameterStore owner = store;
                using BakedDcls baked = layer.Bake();
                double[] plain = Output(layer), fixedOutput = Output(baked);
                Assert.Equal(plain, fixedOutput);
                foreach ((_, Tensor parameter) in store.All) parameter.WriteDoubles([.. parameter.ToDoubles().Select(static v => v + 0.375)]);
                Assert.NotEqual(plain, Output(layer));
                Assert.Equal(plain, Output(baked));

                double[] Output(ILayer of)
                {
                    using Step step = Step.Begin();
                    return of.Forward(c.Input(device, type)).ToDoubles();
                }
            }
    }

    [Fact]
    public void A_baked_layer_goes_with_its_kernel()
    {
        using CpuDevice device = new(1);
        (Dcls layer, ParameterStore store) = LayerCase.Draw("Dcls2d", "gauss", 0).Build(device);
        using ParameterStore owner = store;
        int blocks = device.Pool.LiveBlocks;
        layer.Bake().Dispose();
        layer.Bake(rounded: true).Dispose();
        Assert.Equal(blocks, device.Pool.LiveBlocks);
    }

    /// <summary>Positions in pixels and the cell of a window they round to: ties go to the even position, and beyond the limits to the limit.</summary>
    [Theory]
    [InlineData(Convention.Centered, 9, 2.5, 6)]
    [InlineData(Convention.Centered, 9, 1.5, 6)]
    [InlineData(Convention.Centered, 9, -3.5, 0)]
    [InlineData(Convention.Centered, 9, -2.5, 2)]
    [InlineData(Convention.Centered, 9, 0.49, 4)]
    [InlineData(Convention.Centered, 9, 4.6, 8)]
    [InlineData(Convention.Official, 9, -3.5, 0)]
    [InlineData(Convention.Official, 6, -1.5, 1)]
    [InlineData(Convention.Official, 6, 2.5, 5)]
    [InlineData(Convention.Centered, 6, 0.9, 3)]
    [InlineData(Convention.Centered, 6, 1.0, 3)]
    [InlineData(Convention.Centered, 6, 2.0, 5)]
    [InlineData(Convention.Centered, 6, -1.0, 1)]
    [InlineData(Convention.Centered, 6, 0.0, 3)]
    [InlineData(Convention.Centered, 6, 7.0, 5)]
    [InlineData(Convention.Centered, 6, -7.0, 0)]
    public void Rounded_a_tap_weighs_one_cell(Convention convention, int size, double position, int cell)
    {
        using CpuDevice device = new(1);
        foreach (string version in LayerCase.Versions)
        {
            TapSet taps = new(version, convention, [], [size], 1) { Weight = [1.5], Position = [position], Sigma = version is "max" or "gauss" ? [2.0] : null };
            (Dcls layer, ParameterStore store) = new LayerCase("Dcls1d", taps, 1, [1], [0], PaddingMode.Zeros, 0, 1, [size], 0).Build(device);
            using ParameterStore owner = store;
            using BakedDcls baked = layer.Bake(rounded: true);
            double weight = version == "v0" ? 1.5 : 1.5 / (1 + 1e-7);
            double[] kernel = baked.Kernel.ToDoubles();
            for (int n = 0; n < size; n++) Assert.Equal(n == cell ? weight : 0, kernel[n], 1e-15);
            Assert.Equal(position, layer.Position.ToDoubles()[0]);
            layer.Round();
            Assert.Equal(cell - layer.HalfWindow[0], layer.Position.ToDoubles()[0]);
        }
    }

    [Theory, MemberData(nameof(Layers))]
    public void Rounded_every_tap_of_a_layer_weighs_its_nearest_cell(string form, string version)
    {
        using CpuDevice device = new(1);
        for (int number = 0; number < Cases; number++)
        {
            LayerCase c = LayerCase.Draw(form, version, number);
            TapSet taps = c.Taps;
            double[] kernel = new double[taps.Planes * taps.Cells * taps.Pairs];
            for (int tap = 0; tap < taps.Taps; tap++)
            {
                int[] cell = new int[taps.Size.Length];
                for (int row = 0; row < cell.Length; row++)
                {
                    double half = NaiveDcls.Half(taps, row), first = half - Math.Floor(half);
                    cell[NaiveDcls.Axis(taps, row)] = (int)(Math.Clamp(Math.Round(taps.Position[row * taps.Taps + tap] - first) + first, -half, half) + half);
                }
                if (cell.Where((n, axis) => n >= taps.Size[axis]).Any()) continue;      // the official limit of even sizes, or another axis' limit
                int at = cell.Select((n, axis) => (n, axis)).Aggregate(0, (flat, i) => flat * taps.Size[i.axis] + i.n), plane = tap / taps.Pairs % taps.Planes;
                kernel[(plane * taps.Cells + at) * taps.Pairs + tap % taps.Pairs] += taps.Weight[tap] / (version == "v0" ? 1 : 1 + 1e-7);
            }
            (Dcls layer, ParameterStore store) = c.Build(device);
            using ParameterStore owner = store;
            using BakedDcls baked = layer.Bake(rounded: true);
            using Step step = Step.Begin();
            Agreement.Check(kernel, baked.Kernel.ToDoubles(), DType.Float64, $"kernel of {c}");
            Agreement.Check(c.Reference(kernel), baked.Forward(c.Input(device)).ToDoubles(), DType.Float64, $"output of {c}");
        }
    }

    [Theory, MemberData(nameof(Layers))]
    public void The_cells_of_a_compact_kernel_give_the_output_by_a_direct_loop(string form, string version)
    {
        using CpuDevice device = new(1);
        for (int number = 0; number < Cases; number++)
        {
            LayerCase c = LayerCase.Draw(form, version, number);
            (Dcls layer, ParameterStore store) = c.Build(device);
            using ParameterStore owner = store;
            if (version == "gauss")
            {
                Assert.Contains("use Bake()", Assert.Throws<TensorException>(() => layer.Sparse()).Message, StringComparison.Ordinal);
                continue;
            }
            IReadOnlyList<SparseTap> cells = layer.Sparse();
            int reach = version == "max" ? c.Taps.Cells : 1 << c.Taps.Size.Length;
            Assert.True(cells.Count <= c.Taps.Taps * reach, $"{c}: {cells.Count} cells");
            Assert.All(cells, static t => Assert.NotEqual(0, t.Weight));
            using Step step = Step.Begin();
            Agreement.Check(Loop(c, cells), layer.Forward(c.Input(device)).ToDoubles(), DType.Float64, c.ToString());
        }
    }

    /// <summary>y[o · stride, out] += weight · x[o · stride + offset, in], in the layer's padding.</summary>
    static double[] Loop(LayerCase c, IReadOnlyList<SparseTap> cells)
    {
        int[] result = NaiveConvolution.Result(c.Spatial, c.KernelSize, c.Stride, c.Padding);
        int points = NaiveConvolution.Count(result), outputs = c.Taps.Outputs;
        double[] y = new double[c.Batch * points * outputs];
        for (int i = 0; i < y.Length; i++) y[i] = c.Bias?[i % outputs] ?? 0;
        for (int n = 0; n < c.Batch; n++)
            for (int o = 0; o < points; o++)
            {
                int[] output = NaiveConvolution.Index(o, result);
                foreach (SparseTap tap in cells)
                {
                    int at = n;
                    for (int axis = 0; axis < output.Length && at >= 0; axis++)
                    {
                        int inside = NaiveConvolution.Inside(output[axis] * c.Stride[axis] + tap.Offset[axis], c.Spatial[axis], c.Mode);
                        at = inside < 0 ? -1 : at * c.Spatial[axis] + inside;
                    }
                    int channel = tap.Output / (outputs / c.Groups) * c.Taps.Inputs + tap.Input;
                    if (at >= 0) y[(n * points + o) * outputs + tap.Output] += tap.Weight * c.X[at * c.Channels + channel];
                }
            }
        return y;
    }
}
