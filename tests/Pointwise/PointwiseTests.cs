using MiniTorch.Ops;

namespace MiniTorch.Tests.Pointwise;

/// <summary>What cases over random numbers do not reach: special values, ties, messages.</summary>
public sealed class PointwiseTests
{
    static readonly double inf = double.PositiveInfinity;

    static double[] Values(Func<Tensor, Tensor> f, params double[] x)
    {
        using Step step = Step.Begin();
        return f(Tensor.Of(x, [x.Length])).ToDoubles();
    }

    static double[] Slopes(Func<Tensor, Tensor> f, params double[] at)
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting([at.Length], DType.Float64, trainable: true);
        x.WriteDoubles(at);
        f(x).Backward(Tensor.Of([.. at.Select(static _ => 1.0)], [at.Length]));
        return x.Gradient!.ToDoubles();
    }

    [Fact]
    public void Powers_of_negative_and_zero_bases_are_those_of_the_real_line()
    {
        Assert.Equal([-8, 8, 0], Values(static x => x.Pow(3), -2, 2, 0));
        Assert.Equal([-0.5, 0.25, inf], Values(static x => x.Pow(-1), -2, 4, 0));
        Assert.Equal([1, 1, 1], Values(static x => x.Pow(0), -2, 0, double.NaN));
        Assert.Equal([double.NaN, 2, 0, inf], Values(static x => x.Pow(0.5), -4, 4, 0, inf));
        Assert.Equal([0, 1, 1], [Slopes(static x => x.Pow(0), 0)[0], Slopes(static x => x.Pow(1), 0)[0], Values(static x => x.Pow(1e-300), 0.5)[0]]);
    }

    [Fact]
    public void Not_a_number_comes_through()
    {
        Func<Tensor, Tensor>[] functions =
        [
            static x => x.Relu(), static x => x.SquaredRelu(), static x => x.Clamp(-1, 1), static x => x.Gelu(), static x => x.GeluTanh(), static x => x.Softplus(),
            static x => x.HardSigmoid(), static x => x.Maximum(x), static x => x.Sum(), static x => x.Log(), static x => x.Sqrt(),
        ];
        foreach (Func<Tensor, Tensor> f in functions)
        {
            Assert.Equal([double.NaN], Values(f, double.NaN));
            using Step step = Step.Begin();
            Assert.Equal([float.NaN], f(Tensor.Of([float.NaN], [1])).ToArray<float>());
        }
    }

    [Fact]
    public void Slopes_at_kinks()
    {
        Assert.Equal([0, 0, 1], Slopes(static x => x.Relu(), -1, 0, 1));
        Assert.Equal([-1, 0, 1], Slopes(static x => x.Abs(), -1, 0, 1));
        Assert.Equal([0, 1, 1, 1, 0], Slopes(static x => x.Clamp(-1, 1), -1.5, -1, 0, 1, 1.5));
        Assert.Equal([0, 0, 1.0 / 6, 0, 0], Slopes(static x => x.HardSigmoid(), -4, -3, 0, 3, 4));
    }

    [Fact]
    public void Operators_mean_what_they_say()
    {
        Func<Tensor, Tensor>[] functions = [static x => x + 2, static x => x - 2, static x => 2 - x, static x => 2 * x, static x => x / 2, static x => 2 / x, static x => -x];
        Assert.Equal([5, 1, -1, 6, 1.5, 2.0 / 3, -3], functions.Select(static f => Values(f, 3)[0]));
        Assert.True(double.IsNegative(Values(static x => -x, 0)[0]));
    }

    [Fact]
    public void Shapes_that_do_not_broadcast_are_named()
    {
        using Step step = Step.Begin();
        Tensor a = Tensor.Zeros([2, 3]), b = Tensor.Zeros([4, 1, 2]);
        TensorException e = Assert.Throws<TensorException>(() => a * b);
        Assert.Contains("Multiply", e.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 3]", e.Message, StringComparison.Ordinal);
        Assert.Contains("[4, 1, 2]", e.Message, StringComparison.Ordinal);
        Assert.Throws<TensorException>(() => a + Tensor.Zeros([3], DType.Float64));
        Assert.Throws<TensorException>(() => Tensor.Zeros([3], DType.Int32).Relu());
    }
}
