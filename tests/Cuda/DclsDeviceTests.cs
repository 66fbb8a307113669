using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;
using MiniTorch.Tests.Cases;
using MiniTorch.Tests.Taps;

namespace MiniTorch.Tests.Cuda;

/// <summary>DCLS kernels and their gradients on a GPU against float64 on the CPU, and what they cost.</summary>
public sealed class DclsDeviceTests
{
    static readonly double[] seed = [0.5, -2, 3, 0.25, 7];

    public static TheoryData<string> Names => [.. OpCases.ByName.Keys.Where(static n => n.StartsWith("dcls", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Names)), Trait("category", TestedGpu.Category)]
    public void Cases_agree_with_float64_on_the_cpu(string name) => OpDeviceTests.Agree(OpCases.ByName[name] with { Tolerance32 = 1e-5 });

    public static TheoryData<string> Versions => [.. LayerCase.Versions];

    /// <summary>More taps than lie in shared memory together, more segments than a block has, channels and taps that fill no block; every convention, up to two dense axes.</summary>
    [Theory, MemberData(nameof(Versions)), Trait("category", TestedGpu.Category)]
    public void Random_taps(string version)
    {
        TapSet[] sets =
        [
            new(version, Convention.Centered, [], [17, 17], 34, 1, 3), new(version, Convention.Official, [], [5, 31], 3, 3, 3), new(version, Convention.OfficialWidthFirst, [], [23, 24], 2, 1, 2),
            new(version, Convention.Centered, [], [300], 9, 1, 1), new(version, Convention.Official, [2], [9], 21, 2, 5), new(version, Convention.Centered, [2, 3], [4], 5, 1, 9),
            new(version, Convention.Official, [], [3, 9, 7], 6, 2, 1), new(version, Convention.Centered, [], [6, 1, 11], 18, 1, 8),
        ];
        using TestedGpu device = TestedGpu.Open();
        for (int i = 0; i < sets.Length; i++)
        {
            RandomStream random = new(31, (uint)i);
            TapSet taps = sets[i].Scattered(random);
            Agree(taps, taps.Seed(random), device, 2e-5);
        }
    }

    /// <summary>Cells, their neighbours in float32, half cells, widths beyond the window, far outside: where a piece begins, what happens at it, and what is left of a tap.</summary>
    [Theory, MemberData(nameof(Versions)), Trait("category", TestedGpu.Category)]
    public void Kinks_and_taps_far_outside(string version)
    {
        List<double> positions = [-1e30, -1e9, -1e4, -100, 100, 1e6, 1e30];
        for (double cell = -5; cell <= 5; cell += 0.5) positions.AddRange([cell, MathF.BitIncrement((float)cell), MathF.BitDecrement((float)cell)]);
        double[] widths = version is "max" or "gauss" ? [0, 1e-30, -1e-9, 0.0625, -0.25, 0.5, 1, -3, 40] : [0];
        (double P, double Sig)[] all = [.. from p in positions from width in widths select (p, width)];
        foreach (int size in (ReadOnlySpan<int>)[5, 4])
        {
            TapSet taps = new(version, Convention.Centered, [], [size], 1, 1, all.Length)
            {
                Weight = [.. all.Select(static _ => 1.5)], Position = [.. all.Select(static t => t.P)], Sigma = version is "max" or "gauss" ? [.. all.Select(static t => t.Sig)] : null,
            };
            using TestedGpu device = TestedGpu.Open();
            double[] slopes = [.. Enumerable.Range(0, size * all.Length).Select(i => seed[i / all.Length])];
            Agree(taps, slopes, device, 2e-5);
            if (version is "gauss") continue;
            TapGradients expected = taps.Run(slopes), actual = taps.Run(slopes, DType.Float32, device);
            for (int i = 0; i < all.Length; i++)
                if (expected.Position[i] == 0) Assert.True(Math.Abs(actual.Position[i]) < 1e-6, $"size {size}, P {all[i].P}, SIG {all[i].Sig}: slope {actual.Position[i]}");
        }
    }

    /// <summary>A tap that almost has left the window has gradients that are small differences: relative to themselves, not to the largest.</summary>
    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(3.0)]
    [InlineData(3.5)]
    [InlineData(4.0)]
    public void Small_gradients_keep_their_digits(double position)
    {
        TapSet taps = new("gauss", Convention.Centered, [], [5], 1) { Weight = [1.5], Position = [position], Sigma = [0.25] };
        using TestedGpu device = TestedGpu.Open();
        TapGradients expected = taps.Run(seed), actual = taps.Run(seed, DType.Float32, device);
        Assert.Equal(1, actual.Position[0] / expected.Position[0], 1e-3);
        Assert.Equal(1, actual.Sigma![0] / expected.Sigma![0], 1e-3);
    }

    /// <summary>Instructions of warps for a kernel of 34 taps in 17 x 17.</summary>
    [Theory]
    [InlineData("gauss", 6000, 18000)]
    [InlineData("max", 6000, 18000)]
    [InlineData("v0", 3000, 9000)]
    [InlineData("v1", 3000, 9000)]
    public void Instructions_of_a_kernel(string version, int most, int mostOfGradient)
    {
        const int Kernels = 16;
        using EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        List<LaunchCounters> launched = [];
        driver.Launched = (_, counters) => launched.Add(counters);
        RandomStream random = new(32, 0);
        TapSet taps = new TapSet(version, Convention.Centered, [], [17, 17], 34, 1, Kernels).Scattered(random);
        taps.Run(taps.Seed(random), DType.Float32, device);
        Assert.Equal(2, launched.Count);
        long drawing = launched[0].WarpInstructions / Kernels, differentiating = launched[1].WarpInstructions / Kernels;
        TestContext.Current.TestOutputHelper!.WriteLine($"{version}: {drawing} and {differentiating}, sectors {launched[0].SectorRatio:0.00} {launched[1].SectorRatio:0.00}, "
            + $"wavefronts {launched[0].WavefrontRatio:0.00} {launched[1].WavefrontRatio:0.00}");
        Assert.True(drawing <= most, $"drawing takes {drawing}");
        Assert.True(differentiating <= mostOfGradient, $"the gradients take {differentiating}");
        Assert.All(launched, static c => Assert.True(c is { SectorRatio: <= 1.25, WavefrontRatio: <= 1.15 },
            $"{c.SectorRatio:0.00} of the ideal sectors, {c.WavefrontRatio:0.00} of the ideal wavefronts"));
    }

    [Fact]
    public void Too_large_a_window_is_told()
    {
        TapSet taps = new("v0", Convention.Centered, [], [9000], 1) { Weight = [1], Position = [0] };
        using CudaDevice device = CudaDevice.Emulated();
        Assert.Equal("DclsKernel: the profiles of a tap in a window of 1x1x9000 take 288096 bytes of shared memory, cuda:emulated has 232448; use a smaller window",
            Assert.Throws<TensorException>(() => taps.Run(null, DType.Float32, device)).Message);
    }

    static void Agree(TapSet taps, double[] slopes, Device device, double tolerance)
    {
        TapGradients expected = taps.Run(slopes), actual = taps.Run(slopes, DType.Float32, device);
        foreach (((string name, double[] reference), (_, double[] values)) in expected.All.Zip(actual.All))
        {
            double error = Agreement.Error(reference, values);
            Assert.True(error <= tolerance, $"{name} of {taps}: error {error:e2}");
        }
    }
}
