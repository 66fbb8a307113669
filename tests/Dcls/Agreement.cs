namespace MiniTorch.Tests.Taps;

/// <summary>How far a result is from its reference.</summary>
public static class Agreement
{
    public const double Double = 1e-9, Single = 1e-4;

    /// <summary>Largest error relative to max(0.1, max |reference|); infinite where something is not a number.</summary>
    public static double Error(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = 0.1, worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(expected[i] - actual[i]);
            scale = Math.Max(scale, Math.Abs(expected[i]));
            worst = Math.Max(worst, double.IsNaN(error) ? double.PositiveInfinity : error);
        }
        return worst / scale;
    }

    public static void Check(double[] expected, double[] actual, DType type, string what)
    {
        double error = Error(expected, actual), tolerance = type == DType.Float64 ? Double : Single;
        Assert.True(error <= tolerance, $"{what} in {type.Short()}: error {error:e2} over {tolerance:e0}");
    }
}
