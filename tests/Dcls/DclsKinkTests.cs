using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>What the reference does where a tap's formula has no derivative, and outside the window.</summary>
public sealed class DclsKinkTests
{
    const double W = 1.5;
    static readonly double[] seed = [0.5, -2, 3, 0.25, 7];

    public static TheoryData<string> Versions => [.. LayerCase.Versions];
    public static TheoryData<DType> Types => [DType.Float32, DType.Float64];

    /// <summary>One tap in a window of five; q = P + 2.</summary>
    static TapSet One(string version, double position, double? sigma = null)
        => new(version, Convention.Centered, [], [5], 1) { Weight = [W], Position = [position], Sigma = version is "max" or "gauss" ? [sigma ?? 0.25] : null };

    [Theory, MemberData(nameof(Types))]
    public void At_an_integer_v0_has_the_forward_difference_with_a_missing_neighbour_as_0(DType type)
    {
        for (int cell = -1; cell <= 5; cell++)
        {
            double expected = W * ((cell + 1 is >= 0 and < 5 ? seed[cell + 1] : 0) - (cell is >= 0 and < 5 ? seed[cell] : 0));
            TapGradients actual = One("v0", cell - 2).Run(seed, type);
            Assert.Equal(expected, actual.Position[0], 1e-12);
            Assert.Equal(cell is >= 0 and < 5 ? seed[cell] : 0, actual.Weight[0], 1e-12);
        }
    }

    [Fact]
    public void At_an_integer_of_one_axis_v0_weighs_the_forward_difference_by_the_other_axis()
    {
        TapSet taps = new("v0", Convention.Centered, [], [3, 3], 1) { Weight = [W], Position = [0, 0.25] };
        double[] g = [1, 2, 4, 8, 16, 32, 64, 128, 256];
        TapGradients actual = taps.Run(g);
        Assert.Equal(W * (0.75 * (g[7] - g[4]) + 0.25 * (g[8] - g[5])), actual.Position[0], 1e-12);
        Assert.Equal(W * (g[5] - g[4]), actual.Position[1], 1e-12);
    }

    [Theory]
    [InlineData("v1", 0.0, DType.Float32)]
    [InlineData("v1", 0.0, DType.Float64)]
    [InlineData("max", 1.0, DType.Float32)]
    [InlineData("max", 1.0, DType.Float64)]
    public void At_an_integer_triangles_have_no_slope_where_both_sides_weigh_alike(string version, double sigma, DType type)
    {
        // sign(0) = 0 at the cell itself, and the cells at a distance of σ are not reached; with σ = 2 the neighbours' slopes remain, as the formula says
        TapGradients actual = One(version, 0, sigma).Run(seed, type);
        double sum = version == "v1" ? 1 : 4, expected = version == "v1" ? 0 : W / sum * (seed[3] - seed[1]);
        Assert.Equal(expected, actual.Position[0], 1e-6);
    }

    [Fact]
    public void At_an_integer_v1_and_max_of_width_1_have_slope_0_exactly()
    {
        foreach (int cell in (ReadOnlySpan<int>)[-1, 0, 1, 2, 4, 5])
        {
            Assert.Equal(0, One("v1", cell - 2).Run(seed).Position[0]);
            Assert.Equal(0, One("max", cell - 2, sigma: 0).Run(seed).Position[0]);
        }
    }

    [Fact]
    public void At_a_SIG_of_0_max_is_v1_and_its_SIG_has_slope_0()
    {
        foreach (double position in (ReadOnlySpan<double>)[-2.25, -0.5, 0, 0.75, 2])
        {
            TapGradients max = One("max", position, sigma: 0).Run(seed), v1 = One("v1", position).Run(seed);
            Assert.Equal(v1.Kernel, max.Kernel);
            Assert.Equal(v1.Position, max.Position);
            Assert.Equal(0, max.Sigma![0]);
        }
    }

    [Fact]
    public void At_a_SIG_of_0_gauss_has_the_width_0_27_and_its_SIG_has_slope_0()
    {
        TapGradients actual = One("gauss", 0.25, sigma: 0).Run(seed);
        double[] f = [.. Enumerable.Range(0, 5).Select(static n => Math.Exp(-0.5 * Math.Pow((n - 2.25) / 0.27, 2)))];
        for (int n = 0; n < 5; n++) Assert.Equal(W * f[n] / (f.Sum() + 1e-7), actual.Kernel[n], 1e-12);
        Assert.Equal(0, actual.Sigma![0]);
    }

    /// <summary>The cell's own d is 0, its slope too; the others are symmetric: ∂K[2 ± m] = ± W f d/σ² / S.</summary>
    [Theory, MemberData(nameof(Types))]
    public void At_an_integer_gauss_is_smooth(DType type)
    {
        const double Sigma = 0.27 + 0.5;
        TapGradients actual = One("gauss", 0, 0.5).Run(seed, type);
        double[] f = [.. Enumerable.Range(-2, 5).Select(static d => Math.Exp(-0.5 * d * d / (Sigma * Sigma)))];
        double sum = f.Sum() + 1e-7, expected = 0;
        for (int n = 0; n < 5; n++) expected += W * seed[n] * f[n] * (n - 2) / (Sigma * Sigma) / sum;
        Assert.Equal(expected, actual.Position[0], type == DType.Float64 ? 1e-12 : 1e-5);
    }

    [Theory, InlineData("max"), InlineData("gauss")]
    public void The_sign_of_SIG_turns_its_gradient_and_nothing_else(string version)
    {
        RandomStream random = new(30, 0);
        TapSet taps = new TapSet(version, Convention.Centered, [2], [4, 3], 3, 2, 5).Scattered(random);
        double[] g = taps.Seed(random);
        TapGradients straight = taps.Run(g, DType.Float32), turned = (taps with { Sigma = [.. taps.Sigma!.Select(static s => -s)] }).Run(g, DType.Float32);
        Assert.Equal(straight.Kernel, turned.Kernel);
        Assert.Equal(straight.Weight, turned.Weight);
        Assert.Equal(straight.Position, turned.Position);
        Assert.Equal(straight.Sigma!.Select(static s => -s), turned.Sigma);
        Assert.Contains(straight.Sigma!, static s => s != 0);
    }

    [Theory, MemberData(nameof(Types))]
    public void Far_outside_a_gaussian_fades_by_the_guard_and_nothing_is_infinite(DType type)
    {
        double before = W;
        foreach (double position in (ReadOnlySpan<double>)[2.5, 3, 3.5, 4, 5, 10, 1e3, 1e6, 1e15, 1e30])
        {
            TapGradients actual = One("gauss", position, 0.0625).Run(seed, type);
            Assert.All(actual.All, static t => Assert.All(t.Values, static v => Assert.True(double.IsFinite(v))));
            double mass = actual.Kernel.Sum();
            Assert.InRange(mass, 0, before * 1.0001);
            before = mass;
        }
        Assert.Equal(0, before);
        TapGradients gone = One("gauss", 10, 0.0625).Run(seed, type);
        Assert.InRange(gone.Kernel.Sum(), 0, 1e-12);
        Assert.InRange(Math.Abs(gone.Position[0]), 0, 1e-12);
    }

    [Theory]
    [InlineData("v0")]
    [InlineData("v1")]
    [InlineData("max")]
    public void Outside_their_width_compact_taps_draw_nothing_and_learn_nothing(string version)
    {
        foreach (double position in (ReadOnlySpan<double>)[-3.5, -4, -100, 3.5, 4, 1e9])
        {
            TapGradients actual = One(version, position, 0.25).Run(seed, DType.Float32);
            Assert.All(actual.All, static t => Assert.All(t.Values, static v => Assert.Equal(0, v)));
        }
    }

    [Theory, MemberData(nameof(Versions))]
    public void A_tap_half_outside_loses_its_half_in_v0_and_keeps_its_weight_in_the_others(string version)
    {
        double[] kernel = (One(version, 3) with { Size = [6], Position = [3], Convention = Convention.Centered }).Drawn();
        double last = kernel[5];
        if (version == "v0") Assert.Equal(0.5 * W, last, 1e-12);
        else Assert.Equal(W, kernel.Sum(), 1e-6);
    }
}
