using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

/// <summary>Neurons with smooth spikes, whose gradients central differences can judge, and synapse filters.</summary>
public sealed class SpikingCases : IOpCases
{
    static readonly NeuronOptions smooth = new() { Smooth = true, DetachReset = false, Tau = 1.7, Surrogate = Surrogate.Atan(2) };

    static readonly CaseInput w = new([1], -0.5, 0.5);

    public static IEnumerable<OpCase> All =>
    [
        .. new[] { Surrogate.Atan(2), Surrogate.Sigmoid(3), Surrogate.FastSigmoid(2), Surrogate.Triangle(0.7) }.SelectMany(static surrogate => new[]
        {
            new OpCase($"lif {surrogate}", [Input(7, 2, 3)], x => Both(x[0].Lif(smooth with { Surrogate = surrogate }))),
            new OpCase($"plif {surrogate} soft", [Input(7, 2, 3), w], x => Both(x[0].Plif(x[1], smooth with { Surrogate = surrogate, VReset = null }))),
        }),
        new("lif with decayed input", [Input(7, 2, 3)], x => Both(x[0].Lif(smooth with { DecayInput = true, VReset = -0.25, Threshold = 0.6 }))),
        new("plif with decayed input", [Input(7, 2, 3), w], x => Both(x[0].Plif(x[1], smooth with { DecayInput = true, VReset = -0.25, Threshold = 0.6 }))),
        new("plif of many neurons", [Input(6, 1301), w], x => Both(x[0].Plif(x[1], smooth))),
        new("plif of one neuron", [Input(11), w], x => Both(x[0].Plif(x[1], smooth))),
        new("lif of one step", [Input(1, 37)], x => Both(x[0].Lif(smooth))),
        new("lif without steps", [Input(0, 3)], x => Both(x[0].Lif(smooth))),
        new("lif spikes alone", [Input(5, 3, 3)], x => x[0].Lif(smooth).Spikes),
        new("plif membranes alone", [Input(5, 3, 3), w], x => x[0].Plif(x[1], smooth).Membrane),
        new("plif of constant input", [Input(5, 19) with { Differentiable = false }, w], x => x[0].Plif(x[1], smooth).Spikes),
        .. new[] { Surrogate.Atan(2), Surrogate.Sigmoid(3) }.SelectMany(static surrogate => new[]
        {
            new OpCase($"recurrent lif {surrogate}", [Input(6, 2, 5), new([5, 5])], x => Both(x[0].RecurrentLif(x[1], smooth with { Surrogate = surrogate }))),
            new OpCase($"recurrent lif {surrogate} soft, decayed input", [Input(6, 2, 5), new([5, 5])], x => Both(x[0].RecurrentLif(x[1], smooth with { Surrogate = surrogate, VReset = null, DecayInput = true }))),
        }),
        new("recurrent lif of many", [Input(4, 3, 133), new([133, 133], -0.1, 0.1)], x => Both(x[0].RecurrentLif(x[1], smooth with { VReset = -0.25 }))),
        new("recurrent lif of one step", [Input(1, 2, 7), new([7, 7])], x => Both(x[0].RecurrentLif(x[1], smooth))),
        new("recurrent lif without steps", [Input(0, 2, 3), new([3, 3])], x => Both(x[0].RecurrentLif(x[1], smooth))),
        new("recurrent lif spikes alone", [Input(5, 3, 3), new([3, 3])], x => x[0].RecurrentLif(x[1], smooth).Spikes),
        new("recurrent lif membranes alone", [Input(5, 3, 3), new([3, 3])], x => x[0].RecurrentLif(x[1], smooth).Membrane),
        new("recurrent lif of constant input", [Input(5, 2, 6) with { Differentiable = false }, new([6, 6])], x => x[0].RecurrentLif(x[1], smooth).Spikes),
        new("synapse filter", [Input(7, 2, 3)], x => x[0].SynapseFilter(2.5)),
        new("synapse filter with learned tau", [Input(7, 2, 3), w], x => x[0].SynapseFilter(x[1])),
        new("synapse filter of many", [Input(6, 1301), w], x => x[0].SynapseFilter(x[1])),
        new("synapse filter of one step", [Input(1, 5), w], x => x[0].SynapseFilter(x[1])),
        new("synapse filter without steps", [Input(0, 5)], x => x[0].SynapseFilter(1)),
    ];

    static CaseInput Input(params int[] dims) => new(Shape.Create(dims), -1, 2);

    static Tensor Both((Tensor Spikes, Tensor Membrane) y) => Concatenate.Of(0, y.Spikes, y.Membrane);
}
