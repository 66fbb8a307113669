using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>What the output neurons of a sequence are turned into logits by.</summary>
public enum ReadOut
{
    /// <summary>Sum over time of the softmax of the membranes: v → Σₜ softmax(v[t]). The official networks' own; the loss then takes a second softmax.</summary>
    Sum,

    /// <summary>The largest membrane of each neuron.</summary>
    Max,

    /// <summary>The mean membrane of each neuron.</summary>
    Mean,

    /// <summary>The number of spikes of each neuron, whose threshold is then 2; else output neurons do not fire.</summary>
    SpikeCount,
}

/// <summary>What a read-out does.</summary>
public static class ReadOutExtension
{
    extension(ReadOut readOut)
    {
        /// <summary>Threshold of the output neurons.</summary>
        public double Threshold => readOut == ReadOut.SpikeCount ? 2 : 1e9;

        /// <summary>Logits [batch, classes] of the output neurons' spikes and membranes [time, batch, classes].</summary>
        public Tensor Logits(Tensor spikes, Tensor membrane) => readOut switch
        {
            ReadOut.Max => membrane.Max(0),
            ReadOut.Mean => membrane.Mean([0]),
            ReadOut.SpikeCount => spikes.Sum([0]),
            _ => membrane.Softmax().Sum([0]),
        };
    }
}
