using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Tests.Cuda;

/// <summary>Depthwise convolution and its gradients on a GPU: every tile and kernel width, and what the tiles cost.</summary>
public sealed class DepthwiseDeviceTests
{
    const double Tolerance = 1e-5;

    public static TheoryData<string> Names => [.. OpCases.ByName.Keys.Where(static n => n.Contains("depthwise", StringComparison.Ordinal) && !n.StartsWith("dcls", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Names)), Trait("category", TestedGpu.Category)]
    public void Cases_agree_with_float64_on_the_cpu(string name)
    {
        OpCase c = OpCases.ByName[name];
        CaseInput[] inputs = [.. c.Inputs.Select(static (input, i) => input with { Differentiable = i < 2 })];         // the gradient of a bias is another op's
        OpDeviceTests.Agree(c with { Inputs = inputs, Tolerance32 = Tolerance });
    }

    public static TheoryData<int, int> Kernels => [.. from kernel in Enumerable.Range(1, 32) from width in (int[])[6, 11, 16, 26] select (kernel, width)];

    /// <summary>Each width has a run of pixels of its own; batch, rows and channels fill no tile.</summary>
    [Theory, MemberData(nameof(Kernels)), Trait("category", TestedGpu.Category)]
    public void Every_kernel_width_and_run_of_pixels(int kernel, int width)
        => Agree([3, 5, width, 3], kernel: [Math.Min(kernel, 4), kernel], padding: [Math.Min(kernel, 4) / 2, kernel / 2]);

    public static TheoryData<int[], int[], int[]> Shapes =>
    [
        ([1, 33, 60, 2], [5, 7], [4, 6]),               // several tiles both ways, padding wider than half the kernel
        ([2, 30, 57, 9], [3, 3], [0, 2]),
        ([1, 9, 130, 1], [1, 9], [0, 4]),               // tiles of four groups across
        ([9, 1, 23, 10], [1, 5], [0, 2]),               // one row: warps lie behind each other
        ([1, 37, 1, 8], [11, 1], [5, 0]),
        ([5, 14, 14, 8], [31, 31], [15, 15]),
        ([1, 3, 40, 8], [17, 17], [8, 8]),
        ([2, 40, 12, 17], [6, 13], [3, 6]),
        ([1, 4, 4, 3], [33, 33], [16, 16]),             // too wide a kernel for a tile
        ([1, 1100, 3, 1], [900, 2], [400, 1]),          // too high a one
    ];

    [Theory, MemberData(nameof(Shapes)), Trait("category", TestedGpu.Category)]
    public void Tiles_at_their_edges(int[] x, int[] kernel, int[] padding) => Agree(x, kernel, padding);

    static void Agree(int[] x, int[] kernel, int[] padding)
        => OpDeviceTests.Agree(new($"depthwise {string.Join('x', kernel)} on {string.Join('x', x)}", [new(Shape.Create(x)), new([.. kernel, 1, x[^1]]), new([x[^1]]) { Differentiable = false }],
            t => DepthwiseConv.Of(t[0], t[1], t[2], padding: padding)) { Tolerance32 = Tolerance });

    /// <summary>Channels, side, images; microseconds that an H100 may need for 128 images by the estimate, forward and weight gradient.</summary>
    [Theory]
    [InlineData(96, 56, 1, 440, 540)]
    [InlineData(192, 28, 1, 220, 290)]
    [InlineData(384, 14, 2, 75, 105)]
    [InlineData(768, 7, 4, 27, 50)]
    public void Tiles_waste_neither_memory_nor_instructions(int channels, int side, int images, double most, double mostOfWeight)
    {
        const int K = 17, Lines = 8, Batch = 128;
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        List<(string Kernel, LaunchCounters Counters)> launched = [];
        driver.Launched = (kernel, counters) => launched.Add((kernel, counters));
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([images, side, side, Lines], device: device), w = Tensor.Zeros([K, K, 1, Lines], device: device), y = Tensor.Like(x), dw = Tensor.Like(w);
        Axis axis = new(side, side, K, 1, K / 2, 1);
        DepthwiseArgs args = new(x, w, y, default, new(images, Lines, Axis.None, axis, axis), 1);
        args.Forward(y);
        args.InputGradient(x);
        (args with { Weight = dw }).WeightGradient(dw);
        Assert.Equal(4, launched.Count);                // a sum of the parts of the weight gradient
        foreach ((string kernel, LaunchCounters c) in launched.Take(3))
        {
            Assert.True(c.SectorRatio <= 1.25, $"{kernel}: {c.SectorRatio:0.00} of the ideal sectors");
            Assert.True(c.Hottest().WavefrontRatio <= 1.15, $"{kernel}: {c.Hottest().WavefrontRatio:0.00} of the ideal wavefronts");
            double microseconds = 1e6 * GpuModel.H100.Estimate(c).Seconds * Batch / images * channels / Lines;
            TestContext.Current.TestOutputHelper!.WriteLine($"{kernel}: {microseconds:0} us {GpuModel.H100.Estimate(c).Bound}, sectors {c.SectorRatio:0.000}, wavefronts {c.WavefrontRatio:0.000}");
            Assert.True(microseconds <= (kernel.Contains("Weight", StringComparison.Ordinal) ? mostOfWeight : most), $"{kernel}: {microseconds:0} us");
        }
    }
}
