using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>What every kernel satisfies, over random taps drawn from numbers, so that a failure can be had again.</summary>
public sealed class DclsKernelProperties
{
    const int Cases = 25;

    public static TheoryData<string, int> Kernels => [.. from version in LayerCase.Versions from learned in Enumerable.Range(1, 3) select (version, learned)];

    /// <summary>Taps whose whole width lies inside the window: q from margin to size − 1 − margin.</summary>
    static TapSet Inside(string version, int learned, int number, int margin, Convention? convention = null)
    {
        RandomStream random = new(40, (uint)number, (ulong)learned);
        int[] size = [.. Enumerable.Range(0, learned).Select(_ => 2 * margin + 3 + random.NextInt(4))], dense = [.. Enumerable.Range(0, number % 3).Select(_ => 1 + random.NextInt(3))];
        convention ??= dense.Length == 1 ? Convention.Centered : (Convention)(number % 2);        // Official with one dense axis has gaussians of σ ≥ 1, too wide for the margin
        TapSet taps = new TapSet(version, convention.Value, dense, size, 1 + random.NextInt(6), 1 + random.NextInt(2), 1 + random.NextInt(4)).Scattered(random);
        double[] position = [.. taps.Position.Select((_, i) =>
        {
            int row = i / taps.Taps, cells = size[NaiveDcls.Axis(taps, row)];
            return TapSet.Grid(margin + random.NextDouble() * (cells - 1 - 2 * margin)) - NaiveDcls.Half(taps, row);
        })];
        return taps with { Position = position, Sigma = taps.Sigma is null ? null : [.. taps.Sigma.Select(static s => s / 4)] };
    }

    [Theory, MemberData(nameof(Kernels))]
    public void A_shift_of_the_positions_is_a_shift_of_the_kernel(string version, int learned)
    {
        for (int number = 0; number < Cases; number++)
        {
            TapSet taps = Inside(version, learned, number, margin: version == "gauss" ? 5 : 3);
            RandomStream random = new(41, (uint)number);
            int[] shift = [.. Enumerable.Range(0, learned).Select(_ => random.NextInt(3) - 1)];       // by axis; a gaussian of σ ≤ 0.65 has 1e-13 of its mass beyond five cells
            double[] moved = [.. taps.Position.Select((p, i) => p + shift[NaiveDcls.Axis(taps, i / taps.Taps)])];
            double[] before = taps.Drawn(), after = (taps with { Position = moved }).Drawn();
            for (int i = 0; i < before.Length; i++)
            {
                int plane = i / taps.Pairs / taps.Cells;
                int[] cell = [.. NaiveConvolution.Index(i / taps.Pairs % taps.Cells, taps.Size).Zip(shift, static (n, s) => n + s)];
                if (cell.Where((n, axis) => n < 0 || n >= taps.Size[axis]).Any()) continue;
                int at = cell.Select((n, axis) => (n, axis)).Aggregate(0, (flat, c) => flat * taps.Size[c.axis] + c.n);
                double there = after[(plane * taps.Cells + at) * taps.Pairs + i % taps.Pairs];
                Assert.True(Math.Abs(before[i] - there) <= 1e-11, $"{taps}, number {number}: {before[i]} moved to {there}");
            }
        }
    }

    [Theory, MemberData(nameof(Kernels))]
    public void A_tap_inside_the_window_has_the_mass_1(string version, int learned)
    {
        for (int number = 0; number < Cases; number++)
        {
            TapSet taps = Inside(version, learned, number, margin: 1);
            for (int k = 0; k < taps.Count; k++)        // each tap alone
            {
                double[] kernel = (taps with { Weight = [.. Enumerable.Range(0, taps.Taps).Select(i => i / (taps.Taps / taps.Count) == k ? 1.0 : 0)] }).Drawn();
                for (int i = 0; i < taps.Planes * taps.Pairs; i++)
                {
                    double mass = 0;
                    for (int cell = 0; cell < taps.Cells; cell++) mass += kernel[(i / taps.Pairs * taps.Cells + cell) * taps.Pairs + i % taps.Pairs];
                    if (version is "v0") Assert.Equal(1, mass, 1e-13);
                    else if (version is "v1") Assert.Equal(1 / (1 + 1e-7), mass, 1e-13);
                    else Assert.InRange(mass, 1 - 1e-5, 1);             // S / (S + 1e-7) with S of at least the narrowest gaussian between cells, 0.03³, or above
                }
            }
        }
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void In_the_interior_v1_is_v0_but_for_the_guard(int learned)
    {
        for (int number = 0; number < Cases; number++)
        {
            // the rows of v0 and v1 drive other axes: each row of v1 is the row of v0 that drives its axis
            TapSet v0 = Inside("v0", learned, number, margin: 1, Convention.Centered), v1 = v0 with { Version = "v1" };
            double[] position = new double[v0.Position.Length];
            for (int i = 0; i < position.Length; i++)
            {
                int row = i / v0.Taps, own = Enumerable.Range(0, learned).First(r => NaiveDcls.Axis(v0, r) == NaiveDcls.Axis(v1, row));
                position[i] = v0.Position[own * v0.Taps + i % v0.Taps];
            }
            double[] a = v0.Drawn(), b = (v1 with { Position = position }).Drawn();
            for (int i = 0; i < a.Length; i++) Assert.Equal(a[i] / (1 + 1e-7), b[i], 1e-13);
        }
    }

    [Theory, MemberData(nameof(Kernels))]
    public void A_kernel_is_linear_in_its_weights(string version, int learned)
    {
        for (int number = 0; number < Cases; number++)
        {
            RandomStream random = new(42, (uint)number);
            TapSet a = Inside(version, learned, number, margin: 0), b = a with { Weight = [.. a.Weight.Select(_ => random.NextNormal())] };
            double[] ka = a.Drawn(), kb = b.Drawn(), mixed = (a with { Weight = [.. a.Weight.Zip(b.Weight, static (u, v) => 2 * u - 3 * v)] }).Drawn();
            for (int i = 0; i < mixed.Length; i++) Assert.Equal(2 * ka[i] - 3 * kb[i], mixed[i], 1e-12);
            double[] seed = a.Seed(random);
            TapGradients g = a.Run(seed);
            Assert.Equal(ka.Zip(seed, static (k, s) => k * s).Sum(), a.Weight.Zip(g.Weight, static (w, d) => w * d).Sum(), 1e-10);
        }
    }
}
