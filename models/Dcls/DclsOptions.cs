using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>What can be changed about the taps of a DCLS layer beside their number, window and version.</summary>
public sealed record DclsOptions
{
    /// <summary>Where P = 0 lies in windows that are not square or of even size; <see cref="Convention.Official"/> for checkpoints of the official package.</summary>
    public Convention Convention { get; init; } = Convention.Centered;

    /// <summary>A layer of the same form whose P and SIG this one uses: one tensor under several names, its gradients summed over the layers. Weights stay the layer's own.</summary>
    public Dcls? SharedWith { get; init; }

    /// <summary>False keeps weights as they start (a state, saved but not trained).</summary>
    public bool LearnWeight { get; init; } = true;

    /// <summary>False keeps positions where they start (a state, saved but not trained): fixed delays.</summary>
    public bool LearnPosition { get; init; } = true;

    /// <summary>Share of the connections between channels that are cut for good, drawn once, in [0, 1): a state "mask" of 0 and 1, [in/g, out], multiplies the weights.</summary>
    public double Sparsity { get; init; }

    /// <summary>False keeps SIG as it is set (a state, saved but not trained), for layers whose width follows a <see cref="SigmaSchedule"/>.</summary>
    public bool LearnSigma { get; init; } = true;

    /// <summary>Initial weights; U(±1/√fanIn) unless given, with fanIn = count · dense cells · inputs a group.</summary>
    public Init? WeightInit { get; init; }

    /// <summary>Initial bias; as the weights unless given.</summary>
    public Init? BiasInit { get; init; }

    /// <summary>Initial positions, clamped to the half window; normal of deviation 0.5 unless given, uniform over the window for layers with dense axes.</summary>
    public Init? PositionInit { get; init; }

    /// <summary>Initial SIG; 0.23 (gauss) or 0 (max) unless given.</summary>
    public Init? SigmaInit { get; init; }
}
