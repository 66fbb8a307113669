using MiniTorch.Ops;

namespace MiniTorch.Tests.Reductions;

/// <summary>What cases over random numbers do not reach: ties, zeros, empty dimensions, messages, rounding.</summary>
public sealed class ReductionTests
{
    static double[] Slopes(Func<Tensor, Tensor> f, Shape shape, params double[] at)
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting(shape, DType.Float64, trainable: true);
        x.WriteDoubles(at);
        f(x).Sum().Backward();
        return x.Gradient!.ToDoubles();
    }

    [Fact]
    public void Ties_share_with_amax_and_go_to_the_first_with_max()
    {
        double[] x = [1, 3, 3, 2, 2, 2];
        double third = 1.0 / 3;
        Assert.Equal([0, 0.5, 0.5, third, third, third], Slopes(static x => x.Amax([1]), [2, 3], x));
        Assert.Equal([0, 1, 0, 1, 0, 0], Slopes(static x => x.Max(1), [2, 3], x));
        using Step step = Step.Begin();
        Assert.Equal([1, 0], Tensor.Of(x, [2, 3]).Argmax(1).ToArray<int>());
        Assert.Equal([1, 0, 0], Tensor.Of(x, [2, 3]).Argmax(0).ToArray<int>());
    }

    [Fact]
    public void The_first_not_a_number_is_the_largest()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([1, double.NaN, double.NaN, double.PositiveInfinity], [4]);
        Assert.Equal([1], x.Argmax(0).ToArray<int>());
        Assert.Equal([double.NaN], x.Max(0).ToDoubles());
        Assert.Equal([double.NaN], x.Amax().ToDoubles());
    }

    /// <summary>Rows shorter than a register, folded along and across, at every width: a NaN reaches its own result and no other.</summary>
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Short_rows_fold_as_long_ones_do(int bits)
    {
        using CpuDevice device = new(2, new(bits));
        using Step step = Step.Begin();
        foreach ((int rows, int row) in (ReadOnlySpan<(int, int)>)[(1, 1), (1, 3), (2, 3), (15, 4), (16, 4), (17, 4), (700, 3), (4099, 7), (333, 15)])
        {
            RandomStream random = new(3, (uint)row);
            float[] x = [.. Enumerable.Range(0, rows * row).Select(_ => (float)-1 - (float)random.NextDouble())];
            x[^1] = float.NaN;
            double[] across = Tensor.Of(x, [rows, row], device).Amax([0]).ToDoubles(), along = Tensor.Of(x, [rows, row], device).Amax([1]).ToDoubles();
            for (int j = 0; j < row; j++) Assert.Equal(j == row - 1 ? double.NaN : Enumerable.Range(0, rows).Max(i => x[i * row + j]), across[j]);
            for (int i = 0; i < rows; i++) Assert.Equal(i == rows - 1 ? double.NaN : Enumerable.Range(0, row).Max(j => x[i * row + j]), along[i]);
        }
    }

    [Fact]
    public void A_vector_of_zeros_has_length_zero_and_slope_zero()
    {
        Assert.Equal([0, 0, 0.375, -0.5], Slopes(static x => x.Norm2([1]) * Tensor.Of([1, 0.625], [2]), [2, 2], 0, 0, 3, -4));
        Assert.Equal([0.75, 1, 0, 0, -0.75, -1], Slopes(static x => x.Cdist(Tensor.Of([0.0, 0], [1, 2])) * 1.25, [3, 2], 3, 4, 0, 0, -3, -4));
    }

    [Fact]
    public void Empty_dimensions_give_what_an_empty_sum_or_product_is()
    {
        using Step step = Step.Begin();
        Tensor none = Tensor.Zeros([2, 0]);
        Assert.Equal([0, 0], none.Sum([1]).ToDoubles());
        Assert.Equal([1, 1], none.Prod([1]).ToDoubles());
        Assert.Equal([double.NaN, double.NaN], none.Mean([1]).ToDoubles());
        Assert.Equal([double.NaN, double.NaN], none.Var([1]).ToDoubles());
        Assert.Equal([double.NaN], Tensor.Zeros([1]).Var().ToDoubles());
        Assert.Throws<TensorException>(() => none.Amax([1]));
        Assert.Throws<TensorException>(() => none.Max(1));
    }

    [Fact]
    public void Dimensions_are_checked()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([2, 3]);
        Assert.Contains("twice", Assert.Throws<TensorException>(() => x.Sum([1, -1])).Message, StringComparison.Ordinal);
        Assert.Contains("[2, 3]", Assert.Throws<TensorException>(() => x.Sum([2])).Message, StringComparison.Ordinal);
        Assert.Equal([1, 3], x.Sum([0], keepDim: true).Shape.Dims.ToArray());
        Assert.Throws<TensorException>(() => x.Cdist(Tensor.Zeros([4, 2])));
    }

    [Theory]
    [InlineData(1, 3000017), InlineData(3000017, 1), InlineData(1500000, 2), InlineData(30000, 100)]
    public void Sums_of_millions_of_float32_keep_their_digits(int rows, int columns)
    {
        using Step step = Step.Begin();
        float[] values = new float[rows * columns];
        Array.Fill(values, 0.1f);
        Tensor x = Tensor.Of(values, [rows, columns]);
        double each = 0.1f;
        Assert.All(x.Sum([0]).ToDoubles(), y => Assert.Equal(1, y / (each * rows), 1e-5));
        Assert.All(x.Sum([1]).ToDoubles(), y => Assert.Equal(1, y / (each * columns), 1e-5));
        Assert.Equal(1, x.Mean().ToDoubles()[0] / each, 1e-5);
    }
}
