using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// The network of the two-spikes toy: two inputs, an output neuron for each class, a delay for each pair of them, and the read-out the largest square of a membrane. All weights stay 1:
/// only delays are learned. An output neuron's membrane is highest where both spikes arrive together, so that its two delays must come to differ by what the spikes of its class do.
/// </summary>
/// <param name="Window">Steps of the window of delays, odd.</param>
public sealed record TwoSpikesNetwork(int Window) : Network
{
    /// <summary>The toy's own.</summary>
    internal static IEnumerable<NamedModel> Named => [new("two_spikes", [48, 2], new TwoSpikesNetwork(25)) { Classes = 4 }];

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
        => sample.Rank == 2 && sample[1] == 2 ? new Net(at, Window, classes) : throw new ArgumentException($"the two-spikes network takes two channels, got samples of {sample}");

    /// <summary>How many steps longer, by class, the spike of the first channel is held than that of the second.</summary>
    public static IReadOnlyList<double> Differences(Dcls layer)
    {
        double[] p = layer.Position.ToDoubles();         // [1, 1, 2, classes]
        int classes = p.Length / 2;
        return [.. Enumerable.Range(0, classes).Select(c => p[classes + c] - p[c])];
    }

    sealed class Net : ISpiking
    {
        readonly DelayLayer delays;
        readonly Lif neuron;

        internal Net(ParameterScope at, int window, int classes)
        {
            int half = window / 2;
            delays = new(at["delays"], inputs: 2, classes, kernelCount: 1, window, bias: false, rounded: false, new()       // only the difference of two delays is learned: rounding both would change it
            {
                WeightInit = Inits.Ones, LearnWeight = false, PositionInit = Inits.Uniform(-half, half), LearnSigma = false, SigmaInit = Inits.Constant(half),
            });
            neuron = new(at["neuron"], new() { Tau = 1.005, Threshold = ReadOut.Max.Threshold });
        }

        public IReadOnlyList<DelayLayer> Delays => [delays];

        public (IReadOnlyList<Tensor> Spikes, Tensor Membrane) Simulate(Tensor x)
        {
            (Tensor spikes, Tensor membrane) = neuron.Forward(delays.Forward(x));
            return ([spikes], membrane);
        }

        public Tensor Forward(Tensor x)
        {
            (_, Tensor membrane) = Simulate(x.Permute(1, 0, 2));
            return (membrane * membrane).Max(0) * Gain();
        }

        /// <summary>2πσ²: what makes the square of a tap's peak, or of two that meet, of one size for all widths.</summary>
        Tensor Gain() => delays.Taps.SquaredSigma() * (2 * Math.PI);
    }
}
