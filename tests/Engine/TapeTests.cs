using MiniTorch.Ops;

namespace MiniTorch.Tests.Engine;

public sealed class TapeTests
{
    static Tensor Parameter(params double[] values)
    {
        Tensor x = Tensor.Lasting([values.Length], DType.Float64, trainable: true);
        x.Write(values);
        return x;
    }

    static string Message(Action act) => Assert.Throws<TensorException>(act).Message;

    [Fact]
    public void A_tensor_used_twice_gets_the_sum_of_its_gradients()
    {
        Tensor x = Parameter(2, 3);
        using Step step = Step.Begin();
        Concatenate.Of(0, x, x, x.Slice(0, 0, 1)).Backward(Tensor.Of([1.0, 10, 100, 1000, 5], [5]));
        Assert.Equal([106, 1010], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void A_second_backward_adds_until_an_optimizer_has_read_the_gradient()
    {
        Tensor x = Parameter(2, 3);
        for (int i = 0; i < 2; i++)
        {
            using Step step = Step.Begin();
            x.Reshape(1, 2).Backward(Tensor.Of([1.0, 2], [1, 2]));
        }
        Assert.Equal([2, 4], x.Gradient!.ToArray<double>());
        x.GradientFilled = false;
        using Step last = Step.Begin();
        x.Reshape(1, 2).Backward(Tensor.Of([1.0, 2], [1, 2]));
        Assert.Equal([1, 2], x.Gradient!.ToArray<double>());
    }

    [Fact]
    public void Misuse_is_told_in_words()
    {
        Tensor x = Parameter(1, 2), stale;
        using (Step step = Step.Begin()) stale = x.Silu();
        Assert.Contains("outlived its step", Message(() => stale.ToArray<double>()), StringComparison.Ordinal);

        using (Step step = Step.Begin())
        {
            Tensor y = x.Silu();
            Assert.Contains("needs a seed", Message(() => y.Backward()), StringComparison.Ordinal);
            y.Backward(Tensor.Of([1.0, 1], [2]));
            Assert.Contains("consumed", Message(() => y.Backward(Tensor.Of([1.0, 1], [2]))), StringComparison.Ordinal);
        }
        using (Step step = Step.Begin())
        {
            Tensor y = x.Silu();
            x.Write([5.0, 6]);
            Assert.Contains("modified in place", Message(() => y.Backward(Tensor.Of([1.0, 1], [2]))), StringComparison.Ordinal);
        }
        using (Step step = Step.Begin())
        using (Tape.Paused())
            Assert.Contains("no graph", Message(() => x.Silu().Backward(Tensor.Of([1.0, 1], [2]))), StringComparison.Ordinal);
        Assert.Contains("f64[2] on cpu", Message(() => x.Reshape(3)), StringComparison.Ordinal);
        Assert.Contains("[0, 2)", Message(() => x.IndexSelect(0, Tensor.Of([2], [1]))), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_step_keeps_lives_on_as_a_constant()
    {
        Tensor x = Parameter(1, 2), kept;
        using (Step step = Step.Begin()) kept = step.Keep(x.Silu());
        Assert.Equal(2, kept.ToArray<double>().Length);
        Assert.False(Tape.Tracks(kept));
    }

    [Fact]
    public void An_inner_step_releases_all_but_its_survivors()
    {
        using CpuDevice device = new(1);
        Tensor x = Tensor.Lasting([100], DType.Float32, device);
        using Step outer = Step.Begin();
        Tensor y;
        using (Step inner = Step.Begin())
        {
            y = x.Silu();
            for (int i = 0; i < 5; i++)
            {
                y = y.Silu();
                inner.ReleaseExcept(y);
            }
            Assert.Equal(2, device.Pool.LiveBlocks);
            inner.Keep(y);
        }
        Assert.Equal(100, y.ToArray<float>().Length);
    }

    [Fact]
    public void A_forgotten_using_is_found()
    {
        string message = "";
        for (int i = 0; i < 100 && message.Length == 0; i++)
            try
            {
                _ = Step.Begin();
            }
            catch (TensorException e)
            {
                message = e.Message;
            }
        Assert.Contains("TapeTests.cs", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_is_no_limit()
    {
        Tensor x = Parameter(0.5);
        using Step step = Step.Begin();
        Tensor y = x;
        for (int i = 0; i < 20_000; i++) y = y.Reshape(1);
        y.Backward();
        Assert.Equal([1], x.Gradient!.ToArray<double>());
    }
}
