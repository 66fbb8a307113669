using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Where P = 0 lies, how far P goes and which axis a row drives.</summary>
public sealed class DclsConventionTests
{
    public static TheoryData<string> Versions => [.. LayerCase.Versions];

    [Theory, MemberData(nameof(Versions))]
    public void In_odd_square_windows_Centered_is_Official_to_the_last_bit(string version)
    {
        for (int number = 0; number < 6; number++)
        {
            RandomStream random = new(31, (uint)number);
            int side = 1 + 2 * random.NextInt(4);
            TapSet taps = new TapSet(version, Convention.Official, number % 3 == 2 && version != "gauss" ? [2] : [], [.. Enumerable.Repeat(side, 1 + number % 3)], 3, 2, 3).Scattered(random);
            double[] seed = taps.Seed(random);
            foreach (DType type in (ReadOnlySpan<DType>)[DType.Float32, DType.Float64])
                Assert.Equal(taps.Run(seed, type).All.Select(static t => t.Values), (taps with { Convention = Convention.Centered }).Run(seed, type).All.Select(static t => t.Values));
            Assert.Equal(taps.Interpolation.HalfWindow(taps.Size, Convention.Official), taps.Interpolation.HalfWindow(taps.Size));
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public void In_odd_square_windows_both_start_and_clamp_alike(string version)
    {
        using CpuDevice device = new(1);
        double[][] Values(Convention convention)
        {
            DclsOptions options = new() { Convention = convention };
            (Dcls[] layers, ParameterStore store) = ParameterStore.Build(at => new Dcls[]
            {
                new Dcls2d(at["a"], 2, 3, 4, 5, version: Interpolation.Parse(version), options: options),
                new Dcls1d(at["b"], 2, 3, 40, 3, version: Interpolation.Parse(version), options: options),
                new Dcls3_1d(at["c"], 2, 3, 4, 2, 7, version: Interpolation.Parse(version), options: options),
            }, device);
            using ParameterStore owner = store;
            double[][] initial = [.. store.All.Select(static p => p.Tensor.ToDoubles())];
            foreach (Dcls layer in layers) layer.Position.WriteDoubles([.. layer.Position.ToDoubles().Select(static (p, i) => 3 * p + i % 5 - 2)]);
            store.Constrain();
            return [.. initial, .. layers.Select(static d => d.Position.ToDoubles())];
        }
        Assert.Equal(Values(Convention.Official), Values(Convention.Centered));
    }

    /// <summary>The cells that P = 0 falls on; Official as the reference lists it, where v1, max and gauss add half of the height to the row of the width.</summary>
    [Theory]
    [InlineData("v0", Convention.Centered, 2, 4)]
    [InlineData("v1", Convention.Centered, 2, 4)]
    [InlineData("max", Convention.Centered, 2, 4)]
    [InlineData("gauss", Convention.Centered, 2, 4)]
    [InlineData("v0", Convention.Official, 2, 4)]
    [InlineData("v1", Convention.Official, 4, 2)]
    [InlineData("max", Convention.Official, 4, 2)]
    [InlineData("gauss", Convention.Official, 4, 2)]
    public void In_a_window_of_5_by_9_zero_falls_on(string version, Convention convention, int row, int column)
    {
        TapSet taps = new(version, convention, [], [5, 9], 1) { Weight = [1], Position = [0, 0], Sigma = version is "max" or "gauss" ? [0, 0] : null };
        double[] kernel = taps.Drawn();
        Assert.Equal(row * 9 + column, Array.IndexOf(kernel, kernel.Max()));
        Assert.InRange(kernel.Max(), 0.99, 1);
    }

    [Theory, InlineData("v1"), InlineData("max")]
    public void In_a_window_of_3_by_5_by_7_the_official_zero_is_outside(string version)
    {
        TapSet taps = new(version, Convention.Official, [], [3, 5, 7], 1) { Weight = [1], Position = [0, 0, 0], Sigma = version == "max" ? [0, 0, 0] : null };
        Assert.All(taps.Drawn(), static v => Assert.Equal(0, v));
        double[] centred = (taps with { Convention = Convention.Centered }).Drawn();
        Assert.Equal(52, Array.IndexOf(centred, centred.Max()));
    }

    [Theory, MemberData(nameof(Versions))]
    public void In_even_windows_a_centred_zero_is_shared_by_the_middle_cells_and_the_limits_are_the_outer_cells(string version)
    {
        Interpolation f = Interpolation.Parse(version);
        Assert.Equal([1.5, 2.5], f.HalfWindow([4, 6]).Order());
        TapSet middle = new(version, Convention.Centered, [], [4], 1) { Weight = [1], Position = [0], Sigma = f.HasSigma ? [0.25] : null };
        double[] kernel = middle.Drawn();
        Assert.Equal(kernel, kernel.Reverse());
        Assert.Equal(kernel[1], kernel.Max());
        foreach (int end in (ReadOnlySpan<int>)[0, 3])
        {
            double[] outer = (middle with { Position = [end - 1.5] }).Drawn(), other = (middle with { Position = [1.5 - end] }).Drawn();
            Assert.Equal(end, Array.IndexOf(outer, outer.Max()));
            Assert.Equal(outer, other.Reverse());
            if (version is "v0") Assert.Equal(1, outer[end]);
            if (version is "v1") Assert.Equal(1 / (1 + 1e-7), outer[end], 1e-15);
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public void In_even_windows_the_official_limit_is_one_past_the_last_cell(string version)
    {
        Interpolation f = Interpolation.Parse(version);
        Assert.Equal([2], f.HalfWindow([4], Convention.Official));
        TapSet last = new(version, Convention.Official, [], [4], 1) { Weight = [1], Position = [2], Sigma = f.HasSigma ? [0] : null };
        double[] kernel = last.Drawn();
        if (version == "gauss") Assert.InRange(kernel[3], 0.99, 1);
        else Assert.All(kernel, static v => Assert.Equal(0, v));
    }

    [Fact]
    public void With_the_width_first_a_square_v0_kernel_is_the_transpose()
    {
        RandomStream random = new(32, 0);
        TapSet taps = new TapSet("v0", Convention.Official, [], [6, 6], 5, 2, 3).Scattered(random);
        double[] straight = taps.Drawn(), turned = (taps with { Convention = Convention.OfficialWidthFirst }).Drawn();
        for (int i = 0; i < straight.Length; i++)
        {
            int cell = i / taps.Pairs, transposed = cell % 6 * 6 + cell / 6;
            Assert.Equal(straight[i], turned[transposed * taps.Pairs + i % taps.Pairs]);
        }
        Assert.NotEqual(straight, turned);
    }

    [Theory, MemberData(nameof(Versions))]
    public void With_the_width_first_all_other_kernels_are_the_official_ones(string version)
    {
        foreach (int[] size in (int[][])[[5], [4, 7], [3, 4, 5]])
        {
            if (version == "v0" && size.Length == 2) continue;
            TapSet taps = new TapSet(version, Convention.Official, [2], size, 3, 1, 4).Scattered(new(33, (uint)size.Length));
            Assert.Equal(taps.Drawn(), (taps with { Convention = Convention.OfficialWidthFirst }).Drawn());
        }
    }

    /// <summary>A lone Gaussian at the centre of three cells: K[0]/K[1] = exp(−1/2σ²), which gives σ back.</summary>
    [Theory]
    [InlineData("Dcls2_1d", Convention.Official, 1.0)]
    [InlineData("Dcls2_1d", Convention.OfficialWidthFirst, 1.0)]
    [InlineData("Dcls2_1d", Convention.Centered, 0.27)]
    [InlineData("Dcls3_1d", Convention.Official, 0.27)]
    [InlineData("Dcls3_1d", Convention.Centered, 0.27)]
    [InlineData("Dcls1d", Convention.Official, 0.27)]
    [InlineData("Dcls2dK1d", Convention.Official, 0.27)]
    public void The_narrowest_gaussian_is(string form, Convention convention, double sigma)
    {
        TapSet taps = new("gauss", convention, form == "Dcls2_1d" ? [1] : form == "Dcls3_1d" ? [1, 1] : [], [3], 1) { Weight = [1], Position = [0], Sigma = [0.125] };
        using CpuDevice device = new(1);
        int rank = form is "Dcls1d" ? 1 : form is "Dcls3_1d" ? 3 : 2;
        LayerCase c = new(form, taps, 1, [.. Enumerable.Repeat(1, rank)], new int[rank], PaddingMode.Zeros, 0, 1, [.. Enumerable.Repeat(3, rank)], 0);
        using Step step = Step.Begin();
        (Dcls layer, ParameterStore store) = c.Build(device);
        using ParameterStore owner = store;
        double[] kernel = layer.Kernel().ToDoubles();
        Assert.Equal(0.125 + sigma, Math.Sqrt(-0.5 / Math.Log(kernel[0] / kernel[1])), 1e-9);
    }
}
