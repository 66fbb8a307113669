using MiniTorch.Ops;
using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Dropout;

public sealed class DropoutTests
{
    const double Rate = 0.3;

    /// <summary>Output and gradient of dropout of ones, the upstream gradient being 1, 2, 3, ...</summary>
    static (double[] Y, double[] Dx) Run(Shape shape, bool path, int threads = 1, int bits = 256, uint site = 5, ulong step = 0, double rate = Rate, DType type = DType.Float32)
    {
        using CpuDevice device = new(threads, new(bits));
        return Run(device, shape, path, site, step, rate, type);
    }

    static (double[] Y, double[] Dx) Run(Device device, Shape shape, bool path, uint site, ulong step, double rate, DType type)
    {
        Randomness random = new(42, device);
        random.Seek(step);
        using Step s = Step.Begin();
        Tensor x = Tensor.Lasting(shape, type, device, trainable: true), seed = Tensor.Lasting(shape, type, device);
        x.WriteDoubles([.. Enumerable.Repeat(1.0, x.Count)]);
        seed.WriteDoubles([.. Enumerable.Range(1, x.Count).Select(static i => (double)i)]);
        RandomSite at = new(random.State, site);
        Tensor y = path ? x.DropPath(rate, at) : x.Dropout(rate, at);
        random.Advance();               // backward draws the bits of its own forward pass, not of the next one
        double[] values = y.ToDoubles();
        y.Backward(seed);
        return (values, x.Gradient!.ToDoubles());
    }

    [Fact]
    public void Keeps_the_stated_part_and_its_mean()
    {
        double[] y = Run([300, 401], path: false).Y;
        float kept = (float)(1 / (1 - Rate));
        Assert.All(y, v => Assert.True(v == 0 || v == kept));
        Assert.Equal(1 - Rate, y.Count(static v => v != 0) / (double)y.Length, 0.005);
        Assert.Equal(1, y.Average(), 0.01);
    }

    [Fact]
    public void Drop_path_drops_whole_examples()
    {
        double[] y = Run([2000, 3, 7], path: true).Y;
        double[][] examples = [.. y.Chunk(21)];
        Assert.All(examples, static e => Assert.Single(e.Distinct()));
        Assert.Equal(1 - Rate, examples.Count(static e => e[0] != 0) / 2000.0, 0.04);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Gradient_is_the_mask_that_was_drawn(bool path)
    {
        (double[] y, double[] dx) = Run([37, 11], path, type: DType.Float64);
        Assert.Equal(y.Select(static (v, i) => v * (i + 1)), dx);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Same_bits_for_any_threads_and_width(bool path)
    {
        (double[] y, double[] dx) = Run([123, 457], path);
        foreach (int threads in (ReadOnlySpan<int>)[1, 2, 8])
            foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
            {
                (double[] y2, double[] dx2) = Run([123, 457], path, threads, bits);
                Assert.Equal(y, y2);
                Assert.Equal(dx, dx2);
            }
    }

    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(false, Rate)]
    [InlineData(true, Rate)]
    [InlineData(false, 1)]
    public void Same_bits_on_a_gpu(bool path, double rate)
    {
        using TestedGpu device = TestedGpu.Open();
        ulong step = (7UL << 32) + 3;
        (double[] y, double[] dx) = Run([123, 41], path, site: 9, step: step, rate: rate);
        (double[] y2, double[] dx2) = Run(device, [123, 41], path, 9, step, rate, DType.Float32);
        Assert.Equal(y, y2);
        Assert.Equal(dx, dx2);
    }

    [Fact]
    public void Bits_are_those_of_the_counter()
    {
        double[] y = Run([301], path: false, site: 9, step: (7UL << 32) + 3).Y;
        for (int i = 0; i < y.Length; i++)
        {
            (uint a, uint b, uint c, uint d) = Philox.Words(42, (uint)i / 4, 9, 3, 7);
            uint word = new[] { a, b, c, d }[i % 4];
            Assert.Equal(Philox.Unit(word) >= (float)Rate, y[i] != 0);
        }
    }

    [Fact]
    public void Sites_and_steps_draw_other_bits()
    {
        double[] y = Run([400], path: false).Y;
        Assert.NotEqual(y, Run([400], path: false, site: 6).Y);
        Assert.NotEqual(y, Run([400], path: false, step: 1).Y);
        Assert.Equal(y, Run([400], path: false).Y);
    }

    [Fact]
    public void Evaluation_and_rates_at_the_ends()
    {
        using Step step = Step.Begin();
        Randomness random = new(1);
        RandomSite site = new(random.State, 0);
        Tensor x = Tensor.Of([1f, 2, 3], [3]);
        Assert.Same(x, x.Dropout(0, site));
        Assert.Equal([0, 0, 0], x.Dropout(1, site).ToDoubles());
        using (Tape.Paused()) Assert.Same(x, x.DropPath(0.5, site));
        Assert.Throws<TensorException>(() => x.Dropout(1.5, site));
        Assert.Throws<TensorException>(() => x.Dropout(double.NaN, site));
        Assert.Throws<TensorException>(() => Tensor.Scalar(1).DropPath(0.5, site));
        Assert.Equal(0, Tensor.Zeros([0, 3]).DropPath(0.5, site).Count);
    }
}
