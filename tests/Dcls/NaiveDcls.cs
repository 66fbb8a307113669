using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>
/// Kernels and their gradients from the definition, in double, tap by tap and cell by cell: φ = f / (Σ f + 1e-7), K = Σ W φ, and every derivative by the quotient rule for each
/// cell. At kinks: sign(0) = 0, relu′(0) = 0, and the forward difference for v0.
/// </summary>
public static class NaiveDcls
{
    const double Guard = 1e-7;

    /// <summary>Axis (in memory order) that a row of P drives, as the reference lists it.</summary>
    public static int Axis(TapSet taps, int row) => (taps.Version, taps.Size.Length, row) switch
    {
        (_, 1, _) => 0,
        ("v0", 2, _) when taps.Convention == Convention.OfficialWidthFirst => row == 0 ? 1 : 0,
        ("v0", 2, _) => row,
        ("v0", _, _) => row == 0 ? 0 : row == 1 ? 2 : 1,        // depth, width, height
        (_, 2, _) => row == 0 ? 1 : 0,                          // width, height
        _ => 2 - row,                                           // width, height, depth
    };

    /// <summary>Grid index of P = 0 along a row; also the limit of P.</summary>
    public static double Half(TapSet taps, int row) => taps.Convention == Convention.Centered ? (taps.Size[Axis(taps, row)] - 1) / 2.0 : taps.Size[row] / 2;

    /// <summary>σ at SIG = 0.</summary>
    static double NarrowestSigma(TapSet taps)
        => taps.Version == "max" ? 1 : taps.Version == "gauss" && taps.Dense.Length == 1 && taps.Convention != Convention.Centered ? 1 : 0.27;

    public static double[] Kernel(TapSet taps) => Run(taps, null).Kernel;

    /// <summary>Kernel, and with a seed the gradients of Σ K · seed.</summary>
    public static TapGradients Run(TapSet taps, double[]? seed)
    {
        int axes = taps.Size.Length, cells = taps.Cells;
        double[] kernel = new double[taps.Planes * cells * taps.Pairs];
        double[] dWeight = new double[taps.Weight.Length], dPosition = new double[taps.Position.Length], dSigma = new double[taps.Position.Length];
        for (int plane = 0; plane < taps.Planes; plane++)
            for (int pair = 0; pair < taps.Pairs; pair++)
                for (int k = 0; k < taps.Count; k++)
                {
                    int tap = (k * taps.Planes + plane) * taps.Pairs + pair;
                    double[][] f = new double[axes][], byPosition = new double[axes][], bySigma = new double[axes][];
                    for (int row = 0; row < axes; row++)
                    {
                        int axis = Axis(taps, row), at = row * taps.Taps + tap;
                        (f[axis], byPosition[axis], bySigma[axis]) = Along(taps, Half(taps, row), taps.Position[at], taps.Sigma?[at] ?? 0, taps.Size[axis]);
                    }
                    double[] product = Product(f);
                    double sum = taps.Version == "v0" ? 1 : product.Sum() + Guard;
                    for (int cell = 0; cell < cells; cell++) kernel[At(cell)] += taps.Weight[tap] * product[cell] / sum;
                    if (seed is null) continue;
                    for (int cell = 0; cell < cells; cell++) dWeight[tap] += seed[At(cell)] * product[cell] / sum;
                    for (int row = 0; row < axes; row++)
                    {
                        int axis = Axis(taps, row), at = row * taps.Taps + tap;
                        dPosition[at] = Slope(Product([.. f.Select((own, a) => a == axis ? byPosition[a] : own)]));
                        dSigma[at] = Slope(Product([.. f.Select((own, a) => a == axis ? bySigma[a] : own)]));
                    }

                    int At(int cell) => (plane * cells + cell) * taps.Pairs + pair;

                    double Slope(double[] product1)
                    {
                        double total = 0, sum1 = taps.Version == "v0" ? 0 : product1.Sum();
                        for (int cell = 0; cell < cells; cell++) total += seed![At(cell)] * taps.Weight[tap] * (product1[cell] * sum - product[cell] * sum1) / (sum * sum);
                        return total;
                    }
                }
        return new(kernel, dWeight, dPosition, taps.HasSigma ? dSigma : null);
    }

    /// <summary>f and its derivatives by P and SIG at the cells of one axis.</summary>
    static (double[] F, double[] ByPosition, double[] BySigma) Along(TapSet taps, double half, double p, double sig, int size)
    {
        double[] f = new double[size], byPosition = new double[size], bySigma = new double[size];
        double q = p + half, sigma = Math.Abs(sig) + NarrowestSigma(taps);
        for (int n = 0; n < size; n++)
        {
            double d = n - q;
            (f[n], byPosition[n], bySigma[n]) = taps.Version switch
            {
                "v0" when n == Math.Floor(q) => (1 - (q - Math.Floor(q)), -1, 0),
                "v0" when n == Math.Floor(q) + 1 => (q - Math.Floor(q), 1, 0),
                "v0" => (0, 0, 0),
                "v1" => Math.Abs(d) < 1 ? (1 - Math.Abs(d), Math.Sign(d), 0) : (0, 0, 0),
                "max" => Math.Abs(d) < sigma ? (sigma - Math.Abs(d), Math.Sign(d), Math.Sign(sig)) : (0, 0, 0),
                "gauss" => (Bell(d / sigma), Bell(d / sigma) * d / (sigma * sigma), Bell(d / sigma) * d * d / (sigma * sigma * sigma) * Math.Sign(sig)),
                _ => throw new InvalidDataException(taps.Version),
            };
        }
        return (f, byPosition, bySigma);

        static double Bell(double z) => Math.Exp(-0.5 * z * z);
    }

    /// <summary>Outer product of the lines, row-major.</summary>
    static double[] Product(double[][] lines) => lines.Aggregate((double[])[1], static (all, line) => [.. all.SelectMany(a => line.Select(b => a * b))]);
}
