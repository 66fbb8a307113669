using MiniTorch.Models.Profiling;

namespace MiniTorch.Models.Bench;

/// <summary>A named model on random images: its logits, or a training step with the usual options.</summary>
sealed class NetworkWorkload(Device device, NamedModel model, Shape batch, bool training) : Workload(device)
{
    readonly NetworkStep step = new(device, model.Network, batch, model.Classes, training, seed: 0);

    internal override void Run() => step.Run();

    public override void Dispose()
    {
        base.Dispose();
        step.Dispose();
    }
}
