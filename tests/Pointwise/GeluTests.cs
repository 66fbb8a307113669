using MiniTorch.Ops;

namespace MiniTorch.Tests.Pointwise;

/// <summary>GELU's short forms in single precision against double precision, at every register width.</summary>
public sealed class GeluTests
{
    const double Accuracy = 1e-6;

    public static TheoryData<int> Widths => [128, 256, 512];

    [Theory, MemberData(nameof(Widths))]
    public void Value_and_slope_are_within_a_millionth(int bits)
    {
        double[] points = [.. Enumerable.Range(0, 40001).Select(static i => (double)(float)(-8 + 16 * i / 40000.0))];
        (double[] y, double[] slope) = Evaluate(bits, points);
        for (int i = 0; i < points.Length; i++)
        {
            double x = points[i], distribution = (1 + Elementary.Erf(x / Math.Sqrt(2))) / 2, density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
            Assert.True(Math.Abs(y[i] - x * distribution) <= Accuracy * Math.Max(1, Math.Abs(x)), $"value at {x}: {y[i]}, exactly {x * distribution}");
            Assert.True(Math.Abs(slope[i] - (distribution + x * density)) <= Accuracy, $"slope at {x}: {slope[i]}, exactly {distribution + x * density}");
        }
    }

    /// <summary>Nothing is left of what is far below 0, and what is far above passes unchanged, to the last bit.</summary>
    [Theory, MemberData(nameof(Widths))]
    public void Large_values_saturate_exactly(int bits)
    {
        foreach (double x in (ReadOnlySpan<double>)[5.6, 5.7, 8, 1000, 1e20, float.MaxValue])
        {
            (double[] y, double[] slope) = Evaluate(bits, [(float)x, -(float)x]);
            Assert.Equal([(float)x, -0.0], y);
            Assert.Equal([1, 0], slope);
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void Special_values_are_those_of_the_formula(int bits)
    {
        (double[] y, double[] slope) = Evaluate(bits, [0, -0.0, double.NaN, double.PositiveInfinity, 1e-30, -1e-30]);
        Assert.Equal([0, -0.0, double.NaN, double.PositiveInfinity], y[..4]);
        Assert.Equal([0.5, 0.5, double.NaN, 1], slope[..4]);
        Assert.Equal(5e-31, y[4], 1e-37);
        Assert.Equal(-5e-31, y[5], 1e-37);
    }

    /// <summary>So large that results go past the caches, and with a tail; compared with the same elements in pieces that do not.</summary>
    [Theory, MemberData(nameof(Widths))]
    public void Streamed_results_are_the_same_to_the_last_bit(int bits)
    {
        const int Count = (25 << 18) + 3, Piece = 40000;
        using CpuDevice device = new(2, new(bits));
        float[] values = new float[Count];
        RandomStream random = new(5, 5);
        for (int i = 0; i < Count; i++) values[i] = 7 * (float)random.NextDouble() - 3.5f;
        (float[] y, float[] dx) = Run(device, values);
        for (int at = 0; at < Count; at += 20 * Piece)
        {
            int end = Math.Min(Count, at + Piece);
            (float[] pieceY, float[] pieceDx) = Run(device, values[at..end]);
            Assert.Equal(pieceY, y[at..end]);
            Assert.Equal(pieceDx, dx[at..end]);
        }
        (float[] lastY, float[] lastDx) = Run(device, values[^Piece..]);
        Assert.Equal(lastY[^100..], y[^100..]);
        Assert.Equal(lastDx[^100..], dx[^100..]);
    }

    static (double[] Y, double[] Slope) Evaluate(int bits, double[] points)
    {
        using CpuDevice device = new(1, new(bits));
        (float[] y, float[] slope) = Run(device, Array.ConvertAll(points, static p => (float)p));
        return (Array.ConvertAll(y, static v => (double)v), Array.ConvertAll(slope, static v => (double)v));
    }

    static (float[] Y, float[] Dx) Run(CpuDevice device, float[] values)
    {
        Tensor x = Tensor.Lasting([values.Length], device: device, trainable: true);
        x.Write<float>(values);
        using Step step = Step.Begin();
        Tensor y = x.Gelu(), ones = Tensor.Like(y);
        float[] one = new float[values.Length];
        Array.Fill(one, 1);
        ones.Write<float>(one);
        float[] result = y.ToArray<float>();
        y.Backward(ones);
        return (result, x.Gradient!.ToArray<float>());
    }
}
