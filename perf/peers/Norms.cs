using static TorchSharp.torch;

namespace Peers;

/// <summary>Layer normalisation of (n, c, h, w) over the channels, as the published ConvNeXt writes it.</summary>
static class Norms
{
    internal static Tensor ChannelsFirst(Tensor x, Tensor gamma, Tensor beta, double epsilon)
    {
        using Tensor mean = x.mean([1], true), centred = x - mean, square = centred.pow(2), variance = square.mean([1], true), safe = variance + epsilon, root = safe.sqrt(), y = centred / root;
        using Tensor factor = gamma.reshape(-1, 1, 1), shift = beta.reshape(-1, 1, 1), scaled = factor * y;
        return scaled + shift;
    }
}
