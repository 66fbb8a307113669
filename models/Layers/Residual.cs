using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>x · γ with one learned factor a channel. The parameter carries the name it is declared with ("gamma" in ConvNeXt).</summary>
public sealed class LayerScale(ParameterScope at, string name, int channels, double initial) : ILayer
{
    readonly Tensor gamma = at.Parameter(name, [channels], Inits.Constant(initial));
    readonly string path = at[name].Path;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Trace.Report(x * gamma, path, $"LayerScale {channels}", channels);
    }
}

/// <summary>Zeroes elements with probability p and scales the others by 1/(1 − p), while recording.</summary>
public sealed class Dropout(ParameterScope at, double p) : ILayer
{
    readonly RandomSite site = at.Random();

    /// <inheritdoc/>
    public Tensor Forward(Tensor x) => x.Dropout(p, site);
}

/// <summary>Zeroes whole samples with probability p and scales the others by 1/(1 − p), while recording: stochastic depth.</summary>
public sealed class DropPath(ParameterScope at, double p) : ILayer
{
    readonly RandomSite site = at.Random("drop_path");

    /// <inheritdoc/>
    public Tensor Forward(Tensor x) => p == 0 ? x : x.DropPath(p, site);
}
