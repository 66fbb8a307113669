using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class ConvGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("conv1d", Conv), ("conv2d", Conv), ("conv3d", Conv)];

    static void Conv(GoldenCase c)
    {
        Tensor x = c.Leaf("x", Layout.ChannelsLast), w = c.Leaf("w", Layout.Kernel);
        Tensor? b = c.Flag("bias") ? c.Leaf("b") : null;
        Tensor y = x.Conv(w, b, c.Ints("stride"), c.Ints("padding"), c.Ints("dilation"), c.Int("groups"));
        c.CheckAll(y, Layout.ChannelsLast, ("x", x, Layout.ChannelsLast), ("w", w, Layout.Kernel));
        if (b is not null) c.CheckGradient("db", b);
    }
}
