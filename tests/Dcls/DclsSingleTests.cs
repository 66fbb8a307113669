using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Single precision where it is hard: a hair from the cells, leaving the window, far outside, narrowest widths.</summary>
public sealed class DclsSingleTests
{
    const int Taps = 120;
    static readonly double ulp = Math.ScaleB(1, -24);

    /// <summary>Where taps are put, and the largest |∂f/∂θ| / S there, by which the difference G − A in dP and dSIG is multiplied.</summary>
    sealed record Place(string Name, Func<RandomStream, double, int, double> Q, double Steepness = 0);

    static IEnumerable<Place> Places(string version)
    {
        foreach (double e in (double[])[Math.ScaleB(1, -12), 1e-5, 1e-7, ulp, ulp / 4, 1e-9])
        {
            yield return new($"a cell + {e:g3}", (random, _, size) => random.NextInt(size) + e);
            yield return new($"a cell - {e:g3}", (random, _, size) => random.NextInt(size) - e);
        }
        yield return new("half outside", static (random, _, size) => random.NextInt(2) == 0 ? -0.5 : size - 0.5);
        foreach (double d in (double[])[20, 1e4, 1e8]) yield return new($"{d:g3} away", (random, _, size) => random.NextInt(2) == 0 ? -d : size + d);
        if (version == "gauss")
            foreach (double s in (double[])[0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
            {
                double z = Math.Sqrt(-2 * Math.Log(s));
                yield return new($"S of {s:g3}", (random, sigma, size) => random.NextInt(2) == 0 ? -z * sigma : size - 1 + z * sigma, z * Math.Max(1, z) / 0.27);
            }
        else
            foreach (double s in (double[])[0.1, 0.03, 1e-2, 3e-3, 1e-3, Math.ScaleB(1, -12), 1e-4, 1e-5, 1e-6, 2e-7])
                yield return new($"S of {s:g3}", (random, sigma, size) => random.NextInt(2) == 0 ? -sigma + s : size - 1 + sigma - s, version == "v0" ? 0 : 1 / s);
    }

    /// <summary>SIG of which |SIG| + 1 is exact or 1 in single precision: rounding it moves the border of a triangle by 6e-8, which is as much as S has at the end.</summary>
    static double[] Sigmas(string version) => version is "max" or "gauss" ? [0.5, Math.ScaleB(1, -10), Math.ScaleB(1, -20), 1e-20] : [0];

    public static TheoryData<string, int> Kernels => [.. from version in LayerCase.Versions from learned in Enumerable.Range(1, 3) select (version, learned)];

    /// <summary>
    /// K and dW to 1e-4 everywhere. dP and dSIG are W/S · Σ (G − A) f′: where one cell is all that is left of a tap, G − A cancels to G · 1e-7/S and keeps an error of 2⁻²⁴ G,
    /// times f′/S. That is above 1e-4 of max(0.1, max |reference|) for S between 1e-4 and 0.03, and there the bound is that error.
    /// </summary>
    [Theory, MemberData(nameof(Kernels))]
    public void Agrees_with_the_definition_wherever_taps_are(string version, int learned)
    {
        int[] size = learned == 1 ? [7] : learned == 2 ? [5, 7] : [3, 5, 3];
        foreach (Convention convention in (ReadOnlySpan<Convention>)[Convention.Centered, Convention.Official])
            foreach (Place place in Places(version))
                foreach (double sig in Sigmas(version))
                {
                    TapSet taps = At(place, new(version, convention, [], size, 1, 1, Taps), sig);
                    double[] seed = taps.Seed(new(51, 0));
                    foreach (((string name, double[] expected), (_, double[] actual)) in NaiveDcls.Run(taps, seed).All.Zip(taps.Run(seed, DType.Float32).All))
                    {
                        double lost = name is "dP" or "dSIG" ? 2 * ulp * place.Steepness * taps.Weight.Max(Math.Abs) * seed.Max(Math.Abs) : 0;
                        double limit = Math.Max(Agreement.Single, lost / Math.Max(0.1, expected.Max(Math.Abs))), error = Agreement.Error(expected, actual);
                        Assert.True(error <= limit, $"{name} of {taps} with SIG {sig:g2} at {place.Name}: error {error:e1} over {limit:e1}");
                    }
                }
    }

    /// <summary>Every other row, and of each tap at least one, lies at the place; the others lie anywhere inside.</summary>
    static TapSet At(Place place, TapSet taps, double sig)
    {
        RandomStream random = new(50, 0);
        int rows = taps.Size.Length;
        double[] position = new double[rows * Taps], sigma = new double[rows * Taps];
        for (int i = 0; i < position.Length; i++)
        {
            int row = i / Taps, cells = taps.Size[NaiveDcls.Axis(taps, row)];
            double half = NaiveDcls.Half(taps, row), width = taps.Version == "gauss" ? (float)sig + 0.27 : 1 + sig;
            position[i] = (float)((i % Taps % rows == row || i % 2 == 0 ? place.Q(random, width, cells) : random.NextDouble() * (cells - 1)) - half);
            sigma[i] = (float)sig * (2 * random.NextInt(2) - 1);
        }
        return taps with { Weight = [.. Enumerable.Range(0, Taps).Select(_ => (double)(float)random.NextNormal())], Position = position, Sigma = taps.HasSigma ? sigma : null };
    }
}
