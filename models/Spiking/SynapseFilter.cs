using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Synapses that turn spikes x [time, batch, ..., channels] into decaying currents of the same shape; see <see cref="SynapseFilterOp"/>. If τ is learned, parameter w, a scalar, from
/// −ln(τ − 1): τ must then start above 1.
/// </summary>
public sealed class SynapseFilter(ParameterScope at, double tau, bool learnable = false) : ILayer
{
    readonly Tensor? w = learnable ? LearnedTau.Declare(at, tau) : null;
    readonly string path = at.Path;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Trace.Report(w is null ? x.SynapseFilter(tau) : x.SynapseFilter(w), path, "SynapseFilter", w is null ? 0 : 1);
    }
}
