using System.Globalization;
using MiniTorch.Ops;

namespace MiniTorch.Models.Bench;

/// <summary>What is done with a spiking network.</summary>
enum SnnPass
{
    /// <summary>Logits, with the Gaussian kernels that training has.</summary>
    Forward,

    /// <summary>Forward, cross-entropy, backward, Adam, positions clamped.</summary>
    TrainStep,

    /// <summary>Logits, every delay rounded to whole steps.</summary>
    RoundedForward,
}

/// <summary>
/// A spiking network with learned delays on sequences "T100 B64 140-256-256-20 d25": time, batch, widths, window of delays. One place in 13 of the input has a spike. There is no
/// dropout, so that a step has one result.
/// </summary>
sealed class SnnWorkload : Workload
{
    const double Rate = 1e-3, Decay = 1e-5, PositionScale = 100;
    const int SpikeEvery = 13;

    readonly SnnDelays model;
    readonly ParameterStore store;
    readonly Adam? optimizer;
    readonly Tensor spikes, labels;

    internal SnnWorkload(Device device, Sizes s, SnnPass pass) : base(device)
    {
        int[] widths = s.Widths();
        SnnOptions options = new() { Inputs = widths[0], Hidden = widths[1..^1], Classes = widths[^1], MaxDelay = s['d'], Dropout = 0, Rounded = pass == SnnPass.RoundedForward };
        (model, store) = ParameterStore.Build(at => new SnnDelays(at, options), device);
        spikes = Spikes("spikes", [s['B'], s['T'], widths[0]], SpikeEvery);
        labels = Tensor.Lasting([s['B']], DType.Int32, device);
        labels.Write<int>([.. Enumerable.Range(0, s['B']).Select(i => i % widths[^1])]);
        if (pass == SnnPass.TrainStep) optimizer = new(store.Trainable, Rate, weightDecay: Decay, groups: ParameterGroups.Dcls(PositionScale));
    }

    internal override void Run()
    {
        using Step step = Step.Begin();
        if (optimizer is null)
        {
            using Tape.Pause pause = Tape.Paused();
            Result("whole logits", model.Forward(spikes));
            return;
        }
        Tensor loss = CrossEntropy.Of(model.Forward(spikes), labels);
        Result("loss", loss);
        loss.Backward();
        optimizer.Update();
        store.Constrain();
    }

    /// <summary>Spikes, labels and every parameter and state, as checkpoints name and order them, and the settings of the optimizer.</summary>
    internal override Safetensors Operands()
    {
        Safetensors file = base.Operands();
        file.Tensors["labels"] = StoredTensor.Of(labels);
        store.Save(file);
        file.Metadata["rate"] = Rate.ToString(CultureInfo.InvariantCulture);
        file.Metadata["decay"] = Decay.ToString(CultureInfo.InvariantCulture);
        return file;
    }

    /// <summary>The logits; or the loss and every gradient, not the updated parameters: Adam's first step is a sign. "whole": to be compared in their length, because rounding decides on single spikes.</summary>
    internal override Safetensors Results(Action done)
    {
        Safetensors file = base.Results(done);
        if (optimizer is null) return file;
        foreach ((string name, Tensor x) in store.Trainable) file.Tensors["whole d " + name] = store.ToFile(name, x.Gradient!);
        return file;
    }

    public override void Dispose()
    {
        base.Dispose();
        labels.Free();
        optimizer?.Dispose();
        store.Dispose();
    }
}
