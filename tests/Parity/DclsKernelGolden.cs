using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class DclsKernelGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        new[] { "1d", "2d", "3d", "2_1d", "3_1d" }.Select(static form => ($"dcls-construct ConstructKernel{form}", (Action<GoldenCase>)Check));

    static void Check(GoldenCase c)
    {
        Interpolation version = Interpolation.Parse(c.Text("version"));
        Tensor weight = c.Leaf("W", Layout.Taps), position = c.Leaf("P", Layout.Positions);
        Tensor? sigma = version.HasSigma ? c.Leaf("SIG", Layout.Positions) : null;
        Tensor kernel = version.Draw(weight, position, sigma, c.Ints("dilated_kernel_size"), Convention.Official);
        c.Check("K", kernel, Layout.Kernel);
        kernel.Backward(c.Constant("dK", Layout.Kernel));
        c.CheckGradient("dW", weight, Layout.Taps);
        c.CheckGradient("dP", position, Layout.Positions);
        if (sigma is not null) c.CheckGradient("dSIG", sigma, Layout.Positions);
    }
}
