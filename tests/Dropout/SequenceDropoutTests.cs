using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Dropout;

/// <summary>Dropout of sequences by one mask for all steps.</summary>
public sealed class SequenceDropoutTests
{
    const double Rate = 0.3;
    const uint Site = 9;

    /// <summary>Output and gradient, x and the upstream gradient being 1, 2, 3, ...</summary>
    static (double[] Y, double[] Dx) Run(Device device, Shape shape, DType type = DType.Float32)
    {
        Randomness random = new(42, device);
        random.Seek((7UL << 32) + 3);
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting(shape, type, device, trainable: true), seed = Tensor.Lasting(shape, type, device);
        x.WriteDoubles([.. Enumerable.Range(1, x.Count).Select(static i => (double)i)]);
        seed.WriteDoubles(x.ToDoubles());
        Tensor y = x.SequenceDropout(Rate, new(random.State, Site));
        random.Advance();
        double[] values = y.ToDoubles();
        y.Backward(seed);
        return (values, x.Gradient!.ToDoubles());
    }

    [Theory]
    [InlineData(7, 3, 11)]
    [InlineData(1, 1, 1)]
    [InlineData(3, 2, 401)]
    [InlineData(40, 1, 700)]
    public void The_mask_of_every_step_is_that_of_the_counter(int time, int batch, int channels)
    {
        using CpuDevice device = new(1);
        (double[] y, double[] dx) = Run(device, [time, batch, channels], DType.Float64);
        int period = batch * channels;
        for (int i = 0; i < y.Length; i++)
        {
            int own = i % period;
            (uint a, uint b, uint c, uint d) = Philox.Words(42, (uint)own / 4, Site, 3, 7);
            double expected = Philox.Unit(new[] { a, b, c, d }[own % 4]) >= (float)Rate ? (i + 1) * (1 / (1 - Rate)) : 0;
            Assert.Equal(expected, y[i]);
        }
        Assert.Equal(y, dx);
    }

    [Fact]
    public void Same_bits_for_any_threads_and_width()
    {
        using CpuDevice one = new(1);
        (double[] y, double[] dx) = Run(one, [5, 3, 4001]);
        foreach (int threads in (ReadOnlySpan<int>)[2, 8])
            foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
            {
                using CpuDevice device = new(threads, new(bits));
                (double[] y2, double[] dx2) = Run(device, [5, 3, 4001]);
                Assert.Equal(y, y2);
                Assert.Equal(dx, dx2);
            }
    }

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(3, 41)]
    [InlineData(4, 1028)]
    public void Same_bits_on_a_gpu(int time, int channels)
    {
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open();
        (double[] y, double[] dx) = Run(cpu, [time, channels]);
        (double[] y2, double[] dx2) = Run(gpu, [time, channels]);
        Assert.Equal(y, y2);
        Assert.Equal(dx, dx2);
    }

    [Fact]
    public void Evaluation_and_empty_sequences()
    {
        using Step step = Step.Begin();
        RandomSite site = new(new Randomness(1).State, 0);
        Tensor x = Tensor.Of([1f, 2, 3], [3]);
        using (Tape.Paused()) Assert.Same(x, x.SequenceDropout(0.5, site));
        Assert.Equal(0, Tensor.Zeros([0, 3]).SequenceDropout(0.5, site).Count);
        Assert.Throws<TensorException>(() => Tensor.Scalar(1).SequenceDropout(0.5, site));
        Assert.Throws<TensorException>(() => x.SequenceDropout(1.5, site));
    }
}
