namespace MiniTorch.Ops;

/// <summary>
/// What a spiking neuron is, beside its weights; see <see cref="NeuronOp{S}"/> for the formulas. The initial values are those of the official DCLS delay networks, but for τ.
/// </summary>
public sealed record NeuronOptions
{
    /// <summary>Time constant of the membrane in steps, at least 1. Of a PLIF neuron, whose w decides, only what w starts from.</summary>
    public double Tau { get; init; } = 2;

    /// <summary>A membrane that is not below it fires.</summary>
    public double Threshold { get; init; } = 1;

    /// <summary>What a spike sets the membrane to, and what it leaks to and starts from. Null for the soft reset: a spike takes the threshold off, and the membrane leaks to 0.</summary>
    public double? VReset { get; init; } = 0;

    /// <summary>True for the textbook form, where the input too is divided by τ.</summary>
    public bool DecayInput { get; init; }

    /// <summary>True if no gradient flows through the spike in the reset; it flows through the spike that is the output either way.</summary>
    public bool DetachReset { get; init; } = true;

    /// <summary>Stands in for the slope of a spike.</summary>
    public Surrogate Surrogate { get; init; } = Surrogate.Atan();

    /// <summary>True if the surrogate's smooth step itself is the output in place of spikes, and resets the membrane by parts: differentiable, so that gradients can be checked.</summary>
    public bool Smooth { get; init; }
}
