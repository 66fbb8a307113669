using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Dropout of sequences [time, batch, ..., channels] by one mask for all steps: an element is zeroed with probability p throughout, or scaled by 1/(1 − p), while recording.</summary>
public sealed class SequenceDropout(ParameterScope at, double p) : ILayer
{
    readonly RandomSite site = at.Random();

    /// <inheritdoc/>
    public Tensor Forward(Tensor x) => x.SequenceDropout(p, site);
}
