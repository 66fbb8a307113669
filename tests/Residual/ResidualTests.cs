using MiniTorch.Ops;

namespace MiniTorch.Tests.Residual;

/// <summary>The fused end of a residual block against layer scale, drop path and sum one after the other.</summary>
public sealed class ResidualTests
{
    const double Rate = 0.4;

    [Theory]
    [InlineData(true, 128)]
    [InlineData(true, 256)]
    [InlineData(true, 512)]
    [InlineData(false, 128)]
    [InlineData(false, 512)]
    public void Equals_scale_drop_path_and_sum(bool scaled, int bits)
    {
        foreach (int[] dims in (int[][])[[9, 5, 7, 33], [13, 1, 1], [5, 900, 40]])
        {
            double[][] fused = Run(dims, scaled, 1, bits, DType.Float64, true), plain = Run(dims, scaled, 1, bits, DType.Float64, false);
            for (int k = 0; k < fused.Length; k++) Close(plain[k], fused[k], 1e-12);
            double[][] single = Run(dims, scaled, 1, bits, DType.Float32, true);
            for (int k = 0; k < fused.Length; k++) Close(plain[k], single[k], 1e-4);
            foreach (int threads in (ReadOnlySpan<int>)[2, 8]) Assert.Equal(single, Run(dims, scaled, threads, bits, DType.Float32, true));
        }
    }

    [Fact]
    public void Evaluation_drops_nothing()
    {
        using Step step = Step.Begin();
        RandomSite site = new(new Randomness(3).State, 1);
        Tensor x = Tensor.Of([1f, 2, 3, 4], [2, 2]), b = Tensor.Of([1f, 1, 1, 1], [2, 2]), gamma = Tensor.Of([0.5f, 2], [2]);
        using (Tape.Paused()) Assert.Equal([1.5, 4, 3.5, 6], x.AddBranch(b, gamma, 0.9, site).ToDoubles());
        Assert.Equal([1, 2, 3, 4], x.AddBranch(b, gamma, 1, site).ToDoubles());
    }

    [Fact]
    public void Wrong_shapes_and_rates_are_refused()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([2, 3]);
        Assert.Contains("[2, 3]", Assert.Throws<TensorException>(() => x.AddBranch(Tensor.Zeros([3, 2]))).Message, StringComparison.Ordinal);
        Assert.Contains("[3]", Assert.Throws<TensorException>(() => x.AddBranch(x, Tensor.Zeros([2]))).Message, StringComparison.Ordinal);
        Assert.Throws<TensorException>(() => x.AddBranch(x, rate: 1.5));
        Assert.Throws<TensorException>(() => Tensor.Zeros([2]).AddBranch(Tensor.Zeros([2])));
    }

    /// <summary>y and the gradients of x, the branch and γ.</summary>
    static double[][] Run(int[] dims, bool scaled, int threads, int bits, DType type, bool fused)
    {
        using CpuDevice device = new(threads, new(bits));
        using Step step = Step.Begin();
        uint stream = 0;
        Tensor Make(Shape shape, bool trainable)
        {
            Tensor t = Tensor.Lasting(shape, type, device, trainable);
            RandomStream values = new(11, stream++);
            t.WriteDoubles([.. Enumerable.Range(0, t.Count).Select(_ => (double)(float)values.NextNormal())]);
            return t;
        }
        Shape shape = Shape.Create(dims);
        Tensor x = Make(shape, true), b = Make(shape, true), gamma = Make([dims[^1]], true), dy = Make(shape, false);
        RandomSite site = new(new Randomness(7, device).State, 4);
        Tensor y = fused ? x.AddBranch(b, scaled ? gamma : null, Rate, site) : x + (scaled ? b * gamma : b).DropPath(Rate, site);
        double[] values = y.ToDoubles();
        y.Backward(dy);
        return [values, x.Gradient!.ToDoubles(), b.Gradient!.ToDoubles(), scaled ? gamma.Gradient!.ToDoubles() : []];
    }

    static void Close(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"[{i}] is {actual[i]}, expected {expected[i]}");
    }
}
