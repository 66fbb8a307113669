using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>A layer of neurons.</summary>
interface INeurons
{
    /// <summary>Time constant of the membranes in steps, as it is now.</summary>
    double Tau { get; }

    /// <summary>A membrane that is not below it fires.</summary>
    double Threshold { get; }

    /// <summary>Spikes, and membranes after reset, both of the shape of x [time, batch, ..., channels].</summary>
    (Tensor Spikes, Tensor Membrane) Forward(Tensor x);
}

/// <summary>Leaky integrate-and-fire neurons, one for each element of a step of x [time, batch, ..., channels]. No parameters; the state starts anew in each call.</summary>
public sealed class Lif(ParameterScope at, NeuronOptions options) : INeurons
{
    readonly string path = at.Path;

    /// <inheritdoc/>
    public double Tau => options.Tau;

    /// <inheritdoc/>
    public double Threshold => options.Threshold;

    /// <summary>Spikes, and membranes after reset, both of the shape of x.</summary>
    public (Tensor Spikes, Tensor Membrane) Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        (Tensor spikes, Tensor membrane) = x.Lif(options);
        return (Trace.Report(spikes, path, $"LIF τ {options.Tau:g4}"), membrane);
    }
}

/// <summary>Neurons as <see cref="Lif"/> has them, with a learned time constant: 1/τ = sigmoid(w). Parameter: w, a scalar, from −ln(τ − 1) with the τ of the options, above 1.</summary>
public sealed class Plif(ParameterScope at, NeuronOptions options) : INeurons
{
    readonly Tensor w = LearnedTau.Declare(at, options.Tau);
    readonly string path = at.Path;

    /// <inheritdoc/>
    public double Tau => 1 + Math.Exp(-w.Item());

    /// <inheritdoc/>
    public double Threshold => options.Threshold;

    /// <summary>Spikes, and membranes after reset, both of the shape of x.</summary>
    public (Tensor Spikes, Tensor Membrane) Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        (Tensor spikes, Tensor membrane) = x.Plif(w, options);
        return (Trace.Report(spikes, path, "PLIF", 1), membrane);
    }
}

/// <summary>
/// Neurons as <see cref="Lif"/> has them in x [time, batch, neurons], that hear one another's spikes of the step before; see <see cref="RecurrentNeuronOp{S}"/>. Parameter: recurrent.weight
/// [from, to] (in files (to, from)).
/// </summary>
public sealed class RecurrentLif(ParameterScope at, int neurons, NeuronOptions options) : INeurons
{
    readonly string path = at.Path;

    /// <inheritdoc/>
    public double Tau => options.Tau;

    /// <inheritdoc/>
    public double Threshold => options.Threshold;

    /// <summary>Weights from neuron to neuron, [from, to].</summary>
    internal Tensor Recurrent { get; } = at["recurrent"].Parameter("weight", [neurons, neurons], Inits.FanIn(neurons), AxisOrder.Reversed);

    /// <inheritdoc/>
    public (Tensor Spikes, Tensor Membrane) Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        (Tensor spikes, Tensor membrane) = x.RecurrentLif(Recurrent, options);
        return (Trace.Report(spikes, path, $"recurrent LIF τ {options.Tau:g4}", Recurrent.Count, (long)spikes.Count * neurons), membrane);
    }
}

/// <summary>The w of 1/τ = sigmoid(w).</summary>
static class LearnedTau
{
    /// <summary>A scalar parameter w that starts from a τ.</summary>
    internal static Tensor Declare(ParameterScope at, double tau)
        => tau > 1 ? at.Parameter("w", [], Inits.Constant(-Math.Log(tau - 1))) : throw new TensorException($"{at.Path}: a learned tau must start above 1 step, got {tau}");
}
