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
        weight.Fill(1);                 // rows without a weight would be left out
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

    /// <summary>
    /// Rows of a kernel without a weight are left out, channel by channel, whichever they are: results stay the sums, and what is not finite there does not pass on. Kernels whose rows all have one
    /// take as many instructions as they did before rows were looked at (the numbers here), but for those of a warp that looks once, at two blocks of 16 warps: whatever it goes on to work through.
    /// </summary>
    [Theory]
    [InlineData(2, 56, 175322)]
    [InlineData(2, 28, 70450)]
    [InlineData(8, 14, 60154)]
    [InlineData(16, 7, 40394)]
    public void Rows_without_a_weight_are_left_out(int batch, int side, long before)
    {
        const int Channels = 16, K = 17, Warps = 2 * 16, Look = 50;
        using EmulatedDriver driver = new();
        LaunchCounters? counters = null;
        driver.Launched = (_, c) => counters = c;
        using CudaDevice device = CudaDevice.Emulated(driver);
        using Step step = Step.Begin();
        RandomStream random = new(3, 1);
        double[] vx = BrainAgreement.Rounded([.. Enumerable.Range(0, batch * side * side * Channels).Select(_ => random.NextNormal())]);
        double[] vw = BrainAgreement.Rounded([.. Enumerable.Range(0, K * K * Channels).Select(_ => random.NextNormal())]);
        LaunchCounters whole = Run(static (_, _, _) => true), three = Run(static (row, _, _) => row >= 7 && row < 10);
        LaunchCounters mixed = Run(static (row, column, c) => (row * 5 + c) % 3 == 0 && column == (row + c) % K), none = Run(static (_, _, _) => false);         // one weight in a third of the rows
        TestContext.Current.TestOutputHelper!.WriteLine($"{side}: {before}, now {whole.WarpInstructions} instructions; three rows {three.WarpInstructions}, a third {mixed.WarpInstructions}, none {none.WarpInstructions}");
        Assert.InRange(whole.WarpInstructions - before, 0, Look * Warps);
        Assert.Equal(0, none.MatrixMultiplyAdds);
        Assert.InRange(three.MatrixMultiplyAdds, 0.15 * whole.MatrixMultiplyAdds, 0.2 * whole.MatrixMultiplyAdds);
        Assert.InRange(mixed.MatrixMultiplyAdds, 0.3 * whole.MatrixMultiplyAdds, 0.37 * whole.MatrixMultiplyAdds);
        Assert.True(three.WarpInstructions < mixed.WarpInstructions && mixed.WarpInstructions < whole.WarpInstructions);

        LaunchCounters Run(Func<int, int, int, bool> has)
        {
            double[] kept = [.. vw.Select((w, i) => has(i / Channels / K, i / Channels % K, i % Channels) ? w : 0)];
            Tensor x = Tensor.Empty([batch, side, side, Channels], DType.BFloat16, device), weight = Tensor.Empty([K, K, 1, Channels], DType.BFloat16, device);
            x.WriteDoubles(vx);
            weight.WriteDoubles(kept);
            double[] y = x.Conv(weight, padding: [K / 2, K / 2], groups: Channels).ToDoubles(), wanted = new double[y.Length];
            LaunchCounters launched = counters!;
            for (int o = 0; o < y.Length; o++)
            {
                int c = o % Channels, j = o / Channels % side, i = o / Channels / side % side, n = o / Channels / side / side;
                for (int k = Math.Max(0, K / 2 - i); k < Math.Min(K, side + K / 2 - i); k++)
                    for (int l = Math.Max(0, K / 2 - j); l < Math.Min(K, side + K / 2 - j); l++)
                        wanted[o] += vx[((n * side + i + k - K / 2) * side + j + l - K / 2) * Channels + c] * kept[(k * K + l) * Channels + c];
                Assert.True(Math.Abs(wanted[o] - y[o]) <= Math.Abs(wanted[o]) / 255 + 1e-4, $"[{o}] is {y[o]}, expected {wanted[o]}");
            }
            return launched;
        }
    }
}
