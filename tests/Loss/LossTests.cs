using MiniTorch.Ops;

namespace MiniTorch.Tests.Loss;

public sealed class LossTests
{
    [Theory]
    [InlineData(10), InlineData(-1)]
    public void A_class_that_does_not_exist_is_named(int wrong)
    {
        using Step step = Step.Begin();
        TensorException e = Assert.Throws<TensorException>(() => Tensor.Zeros([3, 10]).CrossEntropy(Tensor.Of([0, wrong, 9], [3])));
        Assert.Contains($"got {wrong} at element 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shapes_and_constants_are_checked()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([3, 10]), learnt = Tensor.Lasting([3, 10], trainable: true);
        Assert.Throws<TensorException>(() => x.CrossEntropy(Tensor.Of([0, 1], [2])));
        Assert.Throws<TensorException>(() => x.CrossEntropy(Tensor.Zeros([3, 9])));
        Assert.Throws<TensorException>(() => x.CrossEntropy(learnt));
        Assert.Throws<TensorException>(() => x.CrossEntropy(Tensor.Of([0, 1, 2], [3]), 1.5));
        Assert.Throws<TensorException>(() => x.BceWithLogits(learnt));
        Assert.Throws<TensorException>(() => x.BceWithLogits(Tensor.Zeros([10])));
        Assert.Throws<TensorException>(() => x.BceWithLogits(x, Tensor.Zeros([2, 3, 10])));
    }

    [Fact]
    public void Large_logits_cost_no_digits()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([30000f, 30001, 29999, -1e9f], [1, 4]);
        double expected = Math.Log(Math.Exp(-1) + 1 + Math.Exp(-2)) + 1;
        Assert.Equal(expected, x.CrossEntropy(Tensor.Of([0], [1])).ToDoubles()[0], 1e-6);
        Assert.Equal(-expected, x.LogSoftmax().ToDoubles()[0], 1e-2);
        Assert.Equal([100, 0], Tensor.Of([-100f, 100], [2]).BceWithLogits(Tensor.Of([1f, 1], [2]), reduction: Reduction.None).ToDoubles());
    }
}
