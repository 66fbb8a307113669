using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// The end of a residual block, x + drop path(γ · branch): one learned factor a channel (layer scale; none if it would start from 0), and whole samples of the branch zeroed
/// with probability p, the others scaled by 1/(1 − p), while recording (stochastic depth). The parameter carries the name it is declared with ("gamma" in ConvNeXt); with <c>asMap</c> files hold it as (c, 1, 1).
/// </summary>
public sealed class Residual(ParameterScope at, string name, int channels, double initial, double p, bool asMap = false)
{
    readonly Tensor? gamma = initial == 0 ? null : at.Parameter(name, asMap ? [1, 1, channels] : [channels], Inits.Constant(initial), asMap ? AxisOrder.Map : AxisOrder.Same);
    readonly string path = at[name].Path;
    readonly RandomSite site = at.Random("drop_path");

    /// <summary>γ, for a <see cref="FoldedConv"/>.</summary>
    internal double[] Factors() => gamma!.ToDoubles();

    /// <summary>x and what the block's branch made of it, [n, ..., c], as one.</summary>
    public Tensor Join(Tensor x, Tensor branch)
    {
        Tensor? factors = gamma?.For(x);
        Tensor y = x.AddBranch(branch, asMap ? factors?.Reshape(channels) : factors, p, site);
        return gamma is null ? y : Trace.Report(y, path, $"LayerScale {channels}", channels);
    }
}

/// <summary>Zeroes elements with probability p and scales the others by 1/(1 − p), while recording.</summary>
public sealed class Dropout(ParameterScope at, double p) : ILayer
{
    readonly RandomSite site = at.Random();

    /// <inheritdoc/>
    public Tensor Forward(Tensor x) => x.Dropout(p, site);
}
