using MiniTorch.Ops;

namespace MiniTorch.Tests.Norm;

/// <summary>Norms against their definition in double, written out naively: every number of rows and channels around the size of registers and of what runs abreast.</summary>
public sealed class NormTests
{
    const double Epsilon = 0.1;       // so that rows of two nearly equal numbers stay well conditioned

    public static TheoryData<int> Widths => [128, 256, 512];

    [Theory, MemberData(nameof(Widths))]
    public void Layer_norm_of_any_rows_and_channels(int bits)
    {
        foreach (int rows in (ReadOnlySpan<int>)[1, 2, 3, 4, 5, 7, 8, 9, 683])
            foreach (int c in (ReadOnlySpan<int>)[1, 2, 5, 16, 17, 33, 48, 96])
                Check(bits, [rows, c], (x, gamma, beta) => x.LayerNorm(gamma, beta, Epsilon), (r, _) => r);
    }

    [Theory, MemberData(nameof(Widths))]
    public void Batch_norm_of_any_rows_and_channels(int bits)
    {
        foreach (int rows in (ReadOnlySpan<int>)[2, 3, 9, 683])
            foreach (int c in (ReadOnlySpan<int>)[1, 5, 16, 17, 33, 48])
                Check(bits, [rows, c], (x, gamma, beta) => x.BatchNorm(gamma, beta, null, null, Statistics.Batch, epsilon: Epsilon), (_, i) => i);
    }

    [Theory, MemberData(nameof(Widths))]
    public void Group_norm_of_any_rows_and_channels(int bits)
    {
        foreach (int area in (ReadOnlySpan<int>)[2, 9, 64])
            foreach ((int c, int groups) in (ReadOnlySpan<(int, int)>)[(1, 1), (6, 3), (16, 1), (34, 2), (33, 11), (48, 3)])
                Check(bits, [3, area, c], (x, gamma, beta) => x.GroupNorm(groups, gamma, beta, Epsilon), (r, i) => r / area * groups + i / (c / groups));
    }

    /// <summary>A row that holds a NaN or an infinity must not touch the others, nor may a large mean cost more than its own digits.</summary>
    [Theory, MemberData(nameof(Widths))]
    public void Rows_of_layer_norm_do_not_meet(int bits)
    {
        using CpuDevice device = new(1, new(bits));
        using Step step = Step.Begin();
        RandomStream random = new(4, 4);
        double[] clean = [.. Enumerable.Range(0, 7 * 37).Select(_ => (double)(float)random.NextNormal())], spoilt = [.. clean];
        (spoilt[2 * 37 + 3], spoilt[5 * 37 + 36]) = (double.NaN, double.PositiveInfinity);
        double[] y = Float(clean).LayerNorm().ToDoubles(), z = Float(spoilt).LayerNorm().ToDoubles();
        for (int i = 0; i < y.Length; i++) Assert.Equal(i / 37 is 2 or 5 ? double.NaN : y[i], z[i]);
        double[] moved = Float([.. clean.Select(static v => v + 4096)]).LayerNorm().ToDoubles();
        for (int i = 0; i < y.Length; i++) Assert.Equal(y[i], moved[i], 2e-3);

        Tensor Float(double[] values) => Tensor.Of(Array.ConvertAll(values, static v => (float)v), [7, 37], device);
    }

    /// <summary>set(row, channel) numbers the elements that share a mean and a variance.</summary>
    static void Check(int bits, int[] dims, Func<Tensor, Tensor, Tensor, Tensor> norm, Func<int, int, int> set)
    {
        using CpuDevice device = new(2, new(bits));
        using Step step = Step.Begin();
        int c = dims[^1], count = dims.Aggregate(1, static (p, d) => p * d);
        uint stream = 0;
        (double[] Values, Tensor Tensor) Make(Shape shape, bool trainable = true)
        {
            RandomStream random = new(8, stream++);
            double[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (double)(float)random.NextNormal())];
            Tensor t = Tensor.Lasting(shape, device: device, trainable: trainable);
            t.WriteDoubles(values);
            return (values, t);
        }
        (double[] x, Tensor xs) = Make(Shape.Create(dims));
        (double[] gamma, Tensor gammas) = Make([c]);
        (double[] beta, Tensor betas) = Make([c]);
        (double[] dy, Tensor dys) = Make(Shape.Create(dims), false);
        Tensor result = norm(xs, gammas, betas);
        double[] y = result.ToDoubles();
        result.Backward(dys);

        double[] expected = new double[count], dx = new double[count], dGamma = new double[c], dBeta = new double[c];
        foreach (IGrouping<int, int> members in Enumerable.Range(0, count).GroupBy(i => set(i / c, i % c)))
        {
            double mean = members.Average(i => x[i]), r = 1 / Math.Sqrt(members.Average(i => (x[i] - mean) * (x[i] - mean)) + Epsilon);
            double H(int i) => (x[i] - mean) * r;
            double meanG = members.Average(i => dy[i] * gamma[i % c]), meanGh = members.Average(i => dy[i] * gamma[i % c] * H(i));
            foreach (int i in members)
            {
                expected[i] = H(i) * gamma[i % c] + beta[i % c];
                dx[i] = r * (dy[i] * gamma[i % c] - meanG - H(i) * meanGh);
                dGamma[i % c] += dy[i] * H(i);
                dBeta[i % c] += dy[i];
            }
        }
        string what = $"{string.Join('x', dims)} at {bits} bits";
        Close(expected, y, $"y of {what}");
        Close(dx, xs.Gradient!.ToDoubles(), $"dx of {what}");
        Close(dGamma, gammas.Gradient!.ToDoubles(), $"dγ of {what}");
        Close(dBeta, betas.Gradient!.ToDoubles(), $"dβ of {what}");
    }

    static void Close(double[] expected, double[] actual, string what)
    {
        double scale = Math.Max(1, expected.Max(Math.Abs));
        for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= 2e-5 * scale, $"{what}[{i}] is {actual[i]}, expected {expected[i]}");
    }
}
