using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class SpikingGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("snn-neuron", Neuron), ("snn-synapse-filter", SynapseFilter)];

    static void Neuron(GoldenCase c)
    {
        if (c.Text("surrogate") != "ATan") throw c.Unknown("surrogate");
        NeuronOptions options = new()
        {
            Tau = c.Number("tau"), Threshold = c.Number("v_threshold"), VReset = c.Text("v_reset") == "none (soft reset)" ? null : c.Number("v_reset"),
            DetachReset = c.Flag("detach_reset"), DecayInput = c.Flag("decay_input"), Surrogate = Surrogate.Atan(c.Number("alpha")),
        };
        Tensor x = c.Leaf("x");
        Tensor? w = c.Text("neuron") switch { "lif" => null, "plif" => c.Leaf("w"), _ => throw c.Unknown("neuron") };
        (Tensor spikes, Tensor membrane) = w is null ? x.Lif(options) : x.Plif(w, options);
        c.CheckExact("spikes", spikes);
        c.Check("v_seq", membrane);
        ((spikes * c.Constant("dS")).Sum() + (membrane * c.Constant("dV")).Sum()).Backward();
        c.CheckGradient("dx", x);
        if (w is not null) c.CheckGradient("dw", w);
    }

    static void SynapseFilter(GoldenCase c)
    {
        Tensor x = c.Leaf("x");
        Tensor? w = c.Flag("learnable") ? c.Leaf("w") : null;
        c.CheckAll(w is null ? x.SynapseFilter(c.Number("tau")) : x.SynapseFilter(w), w is null ? [("x", x, Layout.Same)] : [("x", x, Layout.Same), ("w", w, Layout.Same)]);
    }
}
