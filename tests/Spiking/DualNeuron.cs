using MiniTorch.Ops;

namespace MiniTorch.Tests.Spiking;

/// <summary>
/// A neuron written plainly, one element and one step after the other, in numbers with a derivative along one direction: what it says of spikes is 0 or 1 with the surrogate's slope, in
/// the reset without it if detached.
/// </summary>
static class DualNeuron
{
    internal static readonly (Surrogate Surrogate, Func<double, double> Slope)[] Surrogates =
    [
        (Surrogate.Atan(3), static x => 1.5 / (1 + Math.Pow(Math.PI / 2 * 3 * x, 2))),
        (Surrogate.Sigmoid(3), static x => 3 / Math.Pow(Math.Exp(1.5 * x) + Math.Exp(-1.5 * x), 2)),
        (Surrogate.FastSigmoid(3), static x => Math.Pow(1 + 3 * Math.Abs(x), -2)),
        (Surrogate.Triangle(0.8), static x => Math.Abs(x) < 1.25 ? 0.8 - 0.64 * Math.Abs(x) : 0),
    ];

    /// <summary>Spikes and membranes of x [steps, width] with 1/τ = k.</summary>
    internal static (Dual[] Spikes, Dual[] Membrane) Run(Dual[] x, int width, Dual k, NeuronOptions o, Func<double, double> slope)
    {
        Dual[] spikes = new Dual[x.Length], membrane = new Dual[x.Length];
        Dual rest = Dual.Of(o.VReset ?? 0), one = Dual.Of(1);
        for (int i = 0; i < x.Length; i++)
        {
            Dual v = i < width ? rest : membrane[i - width], h = o.DecayInput ? v + k * (x[i] - (v - rest)) : v - k * (v - rest) + x[i];
            Dual s = spikes[i] = new(h.Value >= o.Threshold ? 1 : 0, slope(h.Value - o.Threshold) * h.Slope);
            if (o.DetachReset) s = Dual.Of(s.Value);
            membrane[i] = o.VReset is null ? h - s * Dual.Of(o.Threshold) : (one - s) * h + s * rest;
        }
        return (spikes, membrane);
    }
}
