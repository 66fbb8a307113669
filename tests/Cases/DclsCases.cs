using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

/// <summary>Kernel construction for every version and rank, taps inside, at the border and outside, kinks avoided by positions between cells.</summary>
public sealed class DclsCases : IOpCases
{
    public static IEnumerable<OpCase> All
    {
        get
        {
            foreach (Interpolation version in Interpolation.All)
            {
                yield return Draw(version, "1-d", 5, 2, 3, [9]);
                yield return Draw(version, "2-d depthwise", 7, 1, 19, [7, 7]);
                yield return Draw(version, "2-d not square, even", 3, 2, 2, [4, 9]);
                yield return Draw(version, "3-d", 4, 1, 5, [3, 5, 4]);
                yield return Draw(version, "one cell", 2, 1, 1, [1, 1]);
                yield return Draw(version, "official centre", 3, 1, 9, [4, 7], Convention.Official);
                yield return Draw(version, "one dense axis, official", 3, 2, 5, [8], Convention.Official, 3);
                yield return Draw(version, "two dense axes", 2, 1, 9, [5], Convention.Centered, 2, 3);
            }
        }
    }

    static OpCase Draw(Interpolation version, string what, int count, int inputs, int outputs, int[] size, Convention convention = Convention.Centered, params int[] dense)
    {
        Shape taps = [count, .. dense, inputs, outputs], positions = [size.Length, .. taps.Dims];
        double[] at = new double[positions.Count], sigma = new double[positions.Count];
        RandomStream random = new(5, (uint)what.Length);
        for (int i = 0; i < at.Length; i++)
        {
            int half = size[i / (at.Length / size.Length)] / 2;
            at[i] = (random.NextInt(2 * half + 3) - half - 1) + 0.125 + 0.25 * random.NextInt(4);       // never a whole cell, some outside
            sigma[i] = (random.NextInt(2) == 0 ? 1 : -1) * (0.21 + 0.0625 * random.NextInt(8));
        }
        CaseInput weight = new(taps), position = new(positions) { Values = at };
        return version.HasSigma
            ? new($"dcls {version.Version} {what}", [weight, position, new(positions) { Values = sigma }], x => version.Draw(x[0], x[1], x[2], size, convention)) { GradientTolerance = 1e-6, Epsilon = 1e-6 }
            : new($"dcls {version.Version} {what}", [weight, position], x => version.Draw(x[0], x[1], null, size, convention)) { GradientTolerance = 1e-6, Epsilon = 1e-6 };
    }
}
