using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class DclsKernelGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        Enumerable.Range(1, 3).Select(static rank => ($"dcls-construct ConstructKernel{rank}d", (Action<GoldenCase>)Check));

    static void Check(GoldenCase c)
    {
        Interpolation version = Interpolation.Parse(c.Text("version"));
        Tensor weight = c.Leaf("W", Layout.Reversed), position = c.Leaf("P", Layout.Positions);
        Tensor? sigma = version.HasSigma ? c.Leaf("SIG", Layout.Positions) : null;
        Tensor kernel = version.Draw(weight, position, sigma, c.Ints("dilated_kernel_size"));
        c.Check("K", kernel, Layout.Kernel);
        kernel.Backward(c.Constant("dK", Layout.Kernel));
        c.CheckGradient("dW", weight, Layout.Reversed);
        c.CheckGradient("dP", position, Layout.Positions);
        if (sigma is not null) c.CheckGradient("dSIG", sigma, Layout.Positions);
    }
}
