using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Depthwise convolutions of bf16 on tensor cores against sums in double, element by element.</summary>
public sealed class DepthwiseMatrixTests
{
    /// <summary>Maps of each form, whole and not, kernels that fill their frame and that do not, batches that leave a round half empty.</summary>
    [Theory]
    [InlineData(1, 56, 56, 17, 17, 16, "depthwiseMatrixWide7")]
    [InlineData(2, 33, 19, 17, 13, 32, "depthwiseMatrixWide7")]
    [InlineData(2, 28, 28, 17, 17, 16, "depthwiseMatrixWide4")]
    [InlineData(1, 11, 40, 9, 3, 16, "depthwiseMatrixWide4")]
    [InlineData(5, 14, 14, 17, 17, 16, "depthwiseMatrixNarrow")]
    [InlineData(3, 9, 13, 1, 11, 32, "depthwiseMatrixNarrow")]
    [InlineData(11, 7, 7, 17, 17, 16, "depthwiseMatrixPairs")]
    [InlineData(3, 8, 5, 9, 17, 32, "depthwiseMatrixPairs")]
    public void Results_and_gradients_are_the_sums(int batch, int height, int width, int kernelHeight, int kernelWidth, int channels, string kernel)
    {
        using EmulatedDriver driver = new();
        List<string> launched = [];
        driver.Launched = (name, _) => launched.Add(name);
        using CudaDevice device = CudaDevice.Emulated(driver);
        using Step step = Step.Begin();
        Tensor x = Filled([batch, height, width, channels], 1, true), weight = Filled([kernelHeight, kernelWidth, 1, channels], 2, true), bias = Filled([channels], 3, false);
        Tensor y = x.Conv(weight, bias, padding: [kernelHeight / 2, kernelWidth / 2], groups: channels), dy = Filled(y.Shape, 4, false);
        y.Backward(dy);
        Assert.Equal(2, launched.Count(n => n == kernel));
        Assert.Single(launched, static n => n.StartsWith("depthwiseMatrixWeight", StringComparison.Ordinal));
        double[] vx = x.ToDoubles(), vw = weight.ToDoubles(), vb = bias.ToDoubles(), vdy = dy.ToDoubles(), wanted = new double[vx.Length], wantedX = new double[vx.Length], wantedW = new double[vw.Length];
        for (int n = 0, o = 0; n < batch; n++)
            for (int i = 0; i < height; i++)
                for (int j = 0; j < width; j++)
                    for (int c = 0; c < channels; c++, o++)
                    {
                        wanted[o] += vb[c];
                        for (int k = 0; k < kernelHeight; k++)
                            for (int l = 0; l < kernelWidth; l++)
                            {
                                int iy = i + k - kernelHeight / 2, ix = j + l - kernelWidth / 2;
                                if ((uint)iy >= (uint)height || (uint)ix >= (uint)width) continue;
                                int at = ((n * height + iy) * width + ix) * channels + c, tap = (k * kernelWidth + l) * channels + c;
                                wanted[o] += vx[at] * vw[tap];
                                wantedX[at] += vdy[o] * vw[tap];
                                wantedW[tap] += vdy[o] * vx[at];
                            }
                    }
        BrainAgreement.Check(wanted, y.ToDoubles(), "y");
        BrainAgreement.Check(wantedX, x.Gradient!.ToDoubles(), "dx");
        Rounded(wanted, y.ToDoubles());
        Rounded(wantedX, x.Gradient!.ToDoubles());
        BrainAgreement.Check(wantedW, weight.Gradient!.ToDoubles(), "dweight");
        Rounded(wantedW, weight.Gradient!.ToDoubles());

        Tensor Filled(Shape shape, uint stream, bool trainable)
        {
            Tensor t = Tensor.Lasting(shape, DType.BFloat16, device, trainable);
            RandomStream random = new(7, stream);
            t.WriteDoubles([.. Enumerable.Range(0, t.Count).Select(_ => random.NextNormal())]);
            return t;
        }

        // Sums are float32: beside their rounding to bf16, 2^-8 of each at most, there is next to no error.
        static void Rounded(double[] wanted, double[] actual)
        {
            for (int i = 0; i < wanted.Length; i++) Assert.True(Math.Abs(wanted[i] - actual[i]) <= Math.Abs(wanted[i]) / 255 + 1e-4, $"[{i}] is {actual[i]}, expected {wanted[i]}");
        }
    }

    /// <summary>
    /// What a block does again and again meets no bank twice but where two halves of channels are laid apart: the less is computed between, the more that counts. Sectors are read and written
    /// whole; the weight gradient ends with sums of which each warp writes its own channel's.
    /// </summary>
    [Theory]
    [InlineData(2, 56, 16)]
    [InlineData(8, 14, 16)]
    [InlineData(16, 7, 16)]
    public void Shared_memory_is_read_with_few_conflicts_and_sectors_whole(int batch, int side, int channels)
    {
        using EmulatedDriver driver = new();
        LaunchCounters? counters = null;
        driver.Launched = (name, c) => counters = name.StartsWith("depthwiseMatrix", StringComparison.Ordinal) ? Checked(c, name.Contains("Weight", StringComparison.Ordinal)) : counters;
        using CudaDevice device = CudaDevice.Emulated(driver);
        using Step step = Step.Begin();
        Tensor x = Tensor.Lasting([batch, side, side, channels], DType.BFloat16, device, trainable: true), weight = Tensor.Lasting([17, 17, 1, channels], DType.BFloat16, device, trainable: true);
        Tensor y = x.Conv(weight, padding: [8, 8], groups: channels);
        y.Backward(Tensor.Zeros(y.Shape, DType.BFloat16, device));
        Assert.NotNull(counters);

        static LaunchCounters Checked(LaunchCounters c, bool ofWeight)
        {
            Assert.InRange(c.WavefrontRatio, 1, ofWeight ? 1.6 : 1.2);
            if (!ofWeight) Assert.InRange(c.SectorRatio, 1, 1.1);
            return c;
        }
    }
}
