using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Transposed layers against the ordinary ones, whose adjoints they are, and their gradients against differences.</summary>
public sealed class DclsTransposeTests
{
    sealed record Case(int Rank, int Inputs, int Outputs, int Groups, int Count, int[] Size, int[] Stride, int[] Padding, int[] Spatial, string Version);

    static readonly Case[] cases =
    [
        new(1, 3, 4, 1, 3, [5], [2], [1], [6], "gauss"),
        new(1, 4, 4, 4, 2, [8], [1], [3], [9], "v0"),
        new(2, 4, 6, 2, 4, [5, 7], [2, 3], [2, 1], [4, 3], "v1"),
        new(2, 3, 3, 3, 5, [7, 7], [1, 1], [3, 3], [6, 5], "gauss"),
        new(2, 2, 3, 1, 2, [4, 6], [3, 1], [0, 2], [3, 4], "max"),
        new(3, 2, 4, 2, 3, [3, 2, 5], [1, 2, 2], [1, 0, 2], [3, 3, 2], "gauss"),
    ];

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, cases.Length)];

    /// <summary>⟨T x, y⟩ = ⟨x, C y⟩ with the kernel of T as the weight of C, and T without a bias.</summary>
    [Theory, MemberData(nameof(Numbers))]
    public void Is_the_adjoint_of_the_convolution_with_its_kernel(int number)
    {
        Case c = cases[number];
        using CpuDevice device = new(2);
        (Dcls layer, ParameterStore store) = Build(c, device, bias: false);
        using ParameterStore owner = store;
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        Tensor x = Random(device, 1, [2, .. c.Spatial, c.Inputs]), t = layer.Forward(x), y = Random(device, 2, t.Shape), back = y.Conv(layer.Kernel(), null, c.Stride, c.Padding, [], c.Groups);
        Assert.Equal(x.Shape, back.Shape);
        double left = Dot(t, y), right = Dot(x, back);
        Assert.True(Math.Abs(left - right) < 1e-9 * (1 + Math.Abs(left)), $"{left} and {right}");
    }

    [Theory, MemberData(nameof(Numbers))]
    public void Gradients_agree_with_differences(int number)
    {
        const double Epsilon = 1e-5;
        Case c = cases[number];
        using CpuDevice device = new(2);
        (Dcls layer, ParameterStore store) = Build(c, device, bias: true);
        using ParameterStore owner = store;
        Tensor x = Random(device, 1, [1, .. c.Spatial, c.Inputs], trainable: true);
        using Step step = Step.Begin();
        Tensor y = layer.Forward(x), seed = Random(device, 2, y.Shape);
        y.Backward(seed);
        RandomStream random = new(3, (uint)number);
        foreach ((string name, Tensor tensor) in store.Trainable.Append(("x", x)))
        {
            double[] at = tensor.ToDoubles(), gradient = tensor.Gradient!.ToDoubles(), direction = [.. at.Select(_ => random.NextNormal())];
            double Along(double h)
            {
                tensor.WriteDoubles([.. at.Zip(direction, (a, v) => a + h * v)]);
                using Step inner = Step.Begin();
                using Tape.Pause pause = Tape.Paused();
                return Dot(layer.Forward(x), seed);
            }
            double difference = (Along(Epsilon) - Along(-Epsilon)) / (2 * Epsilon), slope = gradient.Zip(direction, static (g, v) => g * v).Sum();
            tensor.WriteDoubles(at);
            Assert.True(Math.Abs(difference - slope) < 1e-6 * (1 + Math.Abs(slope)), $"{name}: gradient {slope}, difference {difference}");
        }
    }

    /// <summary>The shapes of the official transposed construction, and the sparse form.</summary>
    [Fact]
    public void Parameters_and_taps_are_those_of_the_transposed_weight()
    {
        using CpuDevice device = new(1);
        (Dcls layer, ParameterStore store) = Build(cases[2], device, bias: true);
        using ParameterStore owner = store;
        Assert.Equal([4, 3, 4], store.ToFile("up.weight", store["up.weight"]).Shape.Dims.ToArray());
        Assert.Equal([2, 4, 3, 4], store.ToFile("up.P", store["up.P"]).Shape.Dims.ToArray());
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        Tensor x = Random(device, 4, [1, 4, 3, 4]), y = layer.Forward(x);
        double[] xs = x.ToDoubles(), bias = store["up.bias"].ToDoubles(), ys = [.. Enumerable.Range(0, y.Count).Select(i => bias[i % 6])];
        (int height, int width) = (y.Shape[1], y.Shape[2]);
        foreach (SparseTap tap in layer.Sparse())
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 3; j++)
                {
                    int row = i * 2 + tap.Offset[0], column = j * 3 + tap.Offset[1], output = tap.Input / 2 * 3 + tap.Output;
                    if ((uint)row < (uint)height && (uint)column < (uint)width) ys[(row * width + column) * 6 + output] += tap.Weight * xs[(i * 3 + j) * 4 + tap.Input];
                }
        Assert.True(Agreement.Error(ys, y.ToDoubles()) < Agreement.Double);
    }

    static (Dcls, ParameterStore) Build(Case c, Device device, bool bias) => ParameterStore.Build<Dcls>(at =>
    {
        Interpolation version = Interpolation.Parse(c.Version);
        (PerAxis size, PerAxis stride, PerAxis padding) = (PerAxis.Create(c.Size), PerAxis.Create(c.Stride), PerAxis.Create(c.Padding));
        DclsOptions options = new() { PositionInit = Inits.Uniform(-0.9, 0.9), SigmaInit = Inits.Constant(0.4) };
        return c.Rank switch
        {
            1 => new DclsTranspose1d(at["up"], c.Inputs, c.Outputs, c.Count, size, stride, padding, 0, c.Groups, bias, version, options),
            2 => new DclsTranspose2d(at["up"], c.Inputs, c.Outputs, c.Count, size, stride, padding, 0, c.Groups, bias, version, options),
            _ => new DclsTranspose3d(at["up"], c.Inputs, c.Outputs, c.Count, size, stride, padding, 0, c.Groups, bias, version, options),
        };
    }, device, DType.Float64, seed: 5);

    static Tensor Random(Device device, uint stream, Shape shape, bool trainable = false)
    {
        RandomStream random = new(6, stream);
        Tensor x = Tensor.Lasting(shape, DType.Float64, device, trainable);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
        return x;
    }

    static double Dot(Tensor a, Tensor b) => a.ToDoubles().Zip(b.ToDoubles(), static (u, v) => u * v).Sum();
}
