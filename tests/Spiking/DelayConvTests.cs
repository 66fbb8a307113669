using MiniTorch.Ops;

namespace MiniTorch.Tests.Spiking;

public sealed class DelayConvTests
{
    /// <summary>Against the definition, written as five loops.</summary>
    [Theory]
    [InlineData(0.1, 0)]
    [InlineData(0.1, 2)]
    [InlineData(0.1, 9)]
    [InlineData(0.4, 2)]
    [InlineData(1.0, 2)]
    public void Value_and_gradients_are_the_definitions(double rate, int after)
    {
        (int time, int batch, int inputs, int outputs, int delays) = (8, 3, 6, 19, 5);
        RandomStream random = new(3, 1);
        double[] x = Draw(random, time * batch * inputs), k = Draw(random, delays * inputs * outputs), dy = Draw(random, (time + after) * batch * outputs);
        for (int i = 0; i < x.Length; i++) if (random.NextDouble() >= rate) x[i] = 0;
        double[] y = new double[dy.Length], dx = new double[x.Length], dk = new double[k.Length];
        for (int t = 0; t < time + after; t++)
            for (int d = 0; d < delays && d <= t; d++)
                for (int n = 0; n < batch && t - d < time; n++)
                    for (int i = 0; i < inputs; i++)
                        for (int o = 0; o < outputs; o++)
                        {
                            int atX = ((t - d) * batch + n) * inputs + i, atK = ((delays - 1 - d) * inputs + i) * outputs + o, atY = (t * batch + n) * outputs + o;
                            y[atY] += x[atX] * k[atK];
                            dx[atX] += dy[atY] * k[atK];
                            dk[atK] += dy[atY] * x[atX];
                        }
        Tensor tx = Parameter(x, [time, batch, inputs]), tk = Parameter(k, [delays, inputs, outputs]);
        using (Step step = Step.Begin())
        {
            Tensor result = tx.DelayConv(tk, after: after);
            Assert.Equal($"[{time + after}, {batch}, {outputs}]", result.Shape.ToString());
            Near(y, result.ToDoubles());
            (result * Tensor.Of(dy, result.Shape)).Sum().Backward();
        }
        Near(dx, tx.Gradient!.ToDoubles());
        Near(dk, tk.Gradient!.ToDoubles());
    }

    [Fact]
    public void Wrong_shapes_are_refused()
    {
        Tensor x = Tensor.Zeros([4, 2, 3]);
        Assert.Contains("x must be [time, batch, in]", Assert.Throws<TensorException>(() => Tensor.Zeros([4, 3]).DelayConv(x)).Message);
        Assert.Contains("kernel must be [delays, 3, out]", Assert.Throws<TensorException>(() => x.DelayConv(Tensor.Zeros([5, 4, 6]))).Message);
        Assert.Contains("after must be at least 0", Assert.Throws<TensorException>(() => x.DelayConv(Tensor.Zeros([5, 3, 6]), after: -1)).Message);
    }

    static Tensor Parameter(double[] values, Shape shape)
    {
        Tensor x = Tensor.Lasting(shape, DType.Float64, trainable: true);
        x.Write<double>(values);
        return x;
    }

    static double[] Draw(RandomStream random, int count)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) values[i] = 2 * random.NextDouble() - 1;
        return values;
    }

    static void Near(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-12);
    }
}
