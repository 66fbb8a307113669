using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>Single precision where it is hard: a hair from the cells, leaving the window, far outside, narrowest widths.</summary>
public sealed class DclsSingleTests
{
    const int Taps = 120;
    static readonly double ulp = Math.ScaleB(1, -24);

    /// <summary>Where taps are put, as grid indices.</summary>
    sealed record Place(string Name, Func<RandomStream, double, int, double> Q);

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
                yield return new($"S of {s:g3}", (random, sigma, size) => random.NextInt(2) == 0 ? -z * sigma : size - 1 + z * sigma);
            }
        else
            foreach (double s in (double[])[0.1, 0.03, 1e-2, 3e-3, 1e-3, Math.ScaleB(1, -12), 1e-4, 1e-5, 1e-6, 2e-7])
                yield return new($"S of {s:g3}", (random, sigma, size) => random.NextInt(2) == 0 ? -sigma + s : size - 1 + sigma - s);
    }

    static double[] Sigmas(string version) => version is "max" or "gauss" ? [0.5, 1e-3, 1e-6, 1e-8, 1e-20] : [0];

    public static TheoryData<string, int> Kernels => [.. from version in LayerCase.Versions from learned in Enumerable.Range(1, 3) select (version, learned)];

    /// <summary>
    /// To 1e-4 everywhere, also where one cell is all that is left of a tap and the difference of two nearly equal sums is divided by S. (The plain formula loses up to 1.7e-3
    /// there.)
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
                        double error = Agreement.Error(expected, actual);
                        Assert.True(error <= Agreement.Single, $"{name} of {taps} with SIG {sig:g2} at {place.Name}: error {error:e1} over {Agreement.Single:e1}");
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
