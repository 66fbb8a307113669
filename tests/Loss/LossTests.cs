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

    /// <summary>p = e^(x − m) / Σ, and 1 less at the target.</summary>
    [Fact]
    public void Neither_do_they_in_gradients()
    {
        Tensor x = Tensor.Lasting([1, 3], trainable: true);
        x.Write<float>([30000, 30001, 29999]);
        double sum = Math.Exp(-1) + 1 + Math.Exp(-2);
        using Step step = Step.Begin();
        x.CrossEntropy(Tensor.Of([1], [1])).Backward();
        Assert.Equal([Math.Exp(-1) / sum, 1 / sum - 1, Math.Exp(-2) / sum], x.Gradient!.ToDoubles(), static (a, b) => Math.Abs(a - b) < 1e-6);
    }

    /// <summary>A class that is ruled out takes no part, in either direction of memory; where it is the target, the loss is infinite.</summary>
    [Fact]
    public void Minus_infinity_is_a_class_ruled_out()
    {
        const float Out = float.NegativeInfinity;
        float[] values = [Out, 1, Out, 2, 0.5f, Out, Out, 1, 3, Out, Out];
        Tensor x = Tensor.Lasting([1, 11], trainable: true);
        x.Write<float>(values);
        double sum = values.Sum(static v => Math.Exp(v));
        using Step step = Step.Begin();
        static bool Near(double a, double b) => a.Equals(b) || Math.Abs(a - b) < 1e-6;
        Assert.Equal(values.Select(v => Math.Exp(v) / sum), x.Softmax().ToDoubles(), Near);
        Assert.Equal(values.Select(v => Math.Exp(v) / sum), x.Reshape(11, 1).Softmax(0).ToDoubles(), Near);
        Assert.Equal(values.Select(v => v - Math.Log(sum)), x.LogSoftmax().ToDoubles(), Near);
        Assert.Equal(double.PositiveInfinity, x.CrossEntropy(Tensor.Of([2], [1])).ToDoubles()[0]);
        Tensor loss = x.CrossEntropy(Tensor.Of([8], [1]));
        Assert.Equal(Math.Log(sum) - 3, loss.ToDoubles()[0], 1e-6);
        loss.Backward();
        Assert.Equal(values.Select((v, i) => Math.Exp(v) / sum - (i == 8 ? 1 : 0)), x.Gradient!.ToDoubles(), Near);
    }

    [Fact]
    public void Large_logits_cost_no_digits()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Of([30000f, 30001, 29999, -1e9f], [1, 4]);
        double expected = Math.Log(Math.Exp(-1) + 1 + Math.Exp(-2)) + 1;
        Assert.Equal(expected, x.CrossEntropy(Tensor.Of([0], [1])).ToDoubles()[0], 1e-6);
        Assert.Equal(-expected, x.LogSoftmax().ToDoubles()[0], 1e-6);
        Assert.Equal(-expected, x.Reshape(4, 1).LogSoftmax(0).ToDoubles()[0], 1e-6);
        Assert.Equal([100, 0], Tensor.Of([-100f, 100], [2]).BceWithLogits(Tensor.Of([1f, 1], [2]), reduction: Reduction.None).ToDoubles());
    }
}
