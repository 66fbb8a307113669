using MiniTorch.Ops;

namespace MiniTorch.Tests.Spiking;

public sealed class RoundedDelaysTests
{
    /// <summary>The same as a dense kernel drawn from rounded positions by the version max with SIG 0.</summary>
    [Theory]
    [InlineData(1, 5, 0.2)]
    [InlineData(3, 7, 0.2)]
    [InlineData(2, 7, 1.0)]
    public void They_are_the_convolution_with_taps_on_single_cells(int count, int size, double rate)
    {
        (int time, int batch, int inputs, int outputs) = (9, 3, 4, 270);
        RandomStream random = new(5, 1);
        Tensor x = Values([time, batch, inputs], () => random.NextDouble() < rate ? 1 + random.NextInt(3) : 0);
        Tensor weight = Values([count, inputs, outputs], () => 2 * random.NextDouble() - 1), bias = Values([outputs], () => random.NextDouble());
        Tensor position = Values([1, count, inputs, outputs], () => Math.Round(2 * (size + 2) * (random.NextDouble() - 0.5), 1)), rounded = Values(position.Shape, static () => 0);
        rounded.WriteDoubles(position.ToDoubles());
        Positions.Round(rounded, size / 2);
        using Step step = Step.Begin();
        Tensor kernel = DclsKernel<TriangleWide>.Draw([new(weight, rounded, Tensor.Zeros(position.Shape, DType.Float64), [size], Convention.Official)])[0];
        double[] expected = x.DelayConv(kernel, bias).ToDoubles(), actual = RoundedDelays.Of(x, weight, position.Reshape(weight.Shape.Dims), size, bias).ToDoubles();
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-12);
    }

    [Fact]
    public void Ties_go_to_even_positions()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([1.0, 0, 0, 0, 0, 0, 0], [7, 1, 1]), weight = Tensor.Of([1.0, 1, 1], [1, 1, 3]);
        double[] y = RoundedDelays.Of(x, weight, Tensor.Of([2.5, 1.5, -0.5], [1, 1, 3]), 7, after: 0).ToDoubles();
        for (int o = 0; o < 3; o++)
        {
            int delay = (int[])[1, 1, 3] is var expected ? expected[o] : 0;
            for (int t = 0; t < 7; t++) Assert.Equal(t == delay ? 1 / (1 + 1e-7) : 0, y[t * 3 + o], 1e-15);
        }
    }

    [Fact]
    public void What_has_no_meaning_is_refused()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([4, 2, 3]), weight = Tensor.Zeros([1, 3, 5]);
        Assert.Contains("weight must be [count, 3, out]", Assert.Throws<TensorException>(() => RoundedDelays.Of(x, Tensor.Zeros([1, 4, 5]), Tensor.Zeros([1, 4, 5]), 3)).Message);
        Assert.Contains("[1, 3, 5]", Assert.Throws<TensorException>(() => RoundedDelays.Of(x, weight, Tensor.Zeros([2, 3, 5]), 3)).Message);
        Assert.Contains("have no gradient", Assert.Throws<TensorException>(() => RoundedDelays.Of(x, Tensor.Lasting([1, 3, 5], trainable: true), weight, 3)).Message);
    }

    static Tensor Values(Shape shape, Func<double> draw)
    {
        Tensor x = Tensor.Lasting(shape, DType.Float64);
        double[] values = new double[x.Count];
        for (int i = 0; i < values.Length; i++) values[i] = draw();
        x.Write<double>(values);
        return x;
    }
}
