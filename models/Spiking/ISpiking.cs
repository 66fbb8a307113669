namespace MiniTorch.Models;

/// <summary>A network of spiking neurons whose inside can be looked at.</summary>
public interface ISpiking : ILayer
{
    /// <summary>The layers with delays, in order; none in a network without.</summary>
    IReadOnlyList<DelayLayer> Delays { get; }

    /// <summary>Runs sequences x [time, batch, in]: the spikes of each layer of neurons [time, batch, neurons], the output's last, and the membranes of the output.</summary>
    (IReadOnlyList<Tensor> Spikes, Tensor Membrane) Simulate(Tensor x);
}
