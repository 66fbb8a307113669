using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// What a result in bf16 must satisfy beside one in higher precision. Each element: an error below 2e-2 of the largest. On average no bias: rounded to the nearest, an element is
/// wrong by up to 2⁻⁸ of itself either way, so that the errors of many nearly cancel; cut off instead, each would be too small by 2.7e-3 on average. So of 64 or more elements the
/// signed errors (positive where the magnitude is too large) add up to less than 2e-3 of the magnitudes, a tenth of what one element may be wrong by. Elements below a tenth of the
/// largest count as that: what is left of larger ones that cancelled carries their rounding.
/// </summary>
static class BrainAgreement
{
    internal const double Tolerance = 2e-2, Bias = 2e-3;

    const int Many = 64;

    /// <summary>The nearest numbers of bf16.</summary>
    internal static double[] Rounded(double[] values) => Array.ConvertAll(values, static v => (double)(BFloat16)v);

    internal static void Check(double[] expected, double[] actual, string what)
    {
        OpCaseTests.Close(expected, actual, Tolerance, what);
        if (expected.Length < Many) return;
        double signed = 0, magnitudes = 0, least = Math.Max(0.01, 0.1 * expected.Select(static v => double.IsFinite(v) ? Math.Abs(v) : 0).Max());
        for (int i = 0; i < expected.Length; i++)
        {
            if (!double.IsFinite(expected[i])) continue;
            signed += (actual[i] - expected[i]) * Math.Sign(expected[i]);
            magnitudes += Math.Max(least, Math.Abs(expected[i]));
        }
        Assert.True(Math.Abs(signed) <= Bias * magnitudes, $"{what}: {expected.Length} elements are {signed / magnitudes:e2} of their magnitude too large, {Bias:e2} is chance");
    }
}
