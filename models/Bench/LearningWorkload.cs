using System.Globalization;
using MiniTorch.Ops;

namespace MiniTorch.Models.Bench;

/// <summary>A network on one batch: its logits, or a training step (forward, cross-entropy, backward, optimizer, positions clamped).</summary>
abstract class LearningWorkload : Workload
{
    readonly ILayer model;
    readonly Optimizer? optimizer;
    readonly Tensor labels;
    readonly double rate, decay;

    /// <summary>Takes the network; without an optimizer nothing is learned. Rate and decay are the optimizer's.</summary>
    protected LearningWorkload(Device device, (ILayer Model, ParameterStore Store) network, int[] labels, double rate, double decay, Func<ParameterStore, Optimizer>? optimizer) : base(device)
    {
        (model, Store, this.rate, this.decay) = (network.Model, network.Store, rate, decay);
        this.labels = Tensor.Lasting([labels.Length], DType.Int32, device);
        this.labels.Write<int>(labels);
        this.optimizer = optimizer?.Invoke(Store);
    }

    /// <summary>The network's parameters.</summary>
    protected ParameterStore Store { get; }

    /// <summary>The batch.</summary>
    protected abstract Tensor Input { get; }

    /// <summary>True if logits and gradients are compared in their length, because rounding decides on single spikes; then the update is not: Adam's first step is a sign.</summary>
    protected virtual bool IsComparedWhole => false;

    internal override void Run()
    {
        using Step step = Step.Begin();
        if (optimizer is null)
        {
            using Tape.Pause pause = Tape.Paused();
            Result(Name("logits"), model.Forward(Input));
            return;
        }
        Tensor loss = CrossEntropy.Of(model.Forward(Input), labels);
        Result("loss", loss);
        loss.Backward();
        optimizer.Update();
        Store.Constrain();
    }

    /// <summary>The batch, labels and every parameter and state, as checkpoints name and order them, and the settings of the optimizer.</summary>
    internal override Safetensors Operands()
    {
        Safetensors file = base.Operands();
        file.Tensors["labels"] = StoredTensor.Of(labels);
        Store.Save(file);
        file.Metadata["rate"] = rate.ToString(CultureInfo.InvariantCulture);
        file.Metadata["decay"] = decay.ToString(CultureInfo.InvariantCulture);
        return file;
    }

    /// <summary>The logits; or the loss, every gradient, and every parameter after the step.</summary>
    internal override Safetensors Results(Action done)
    {
        Safetensors file = base.Results(done);
        if (optimizer is null) return file;
        foreach ((string name, Tensor x) in Store.Trainable)
        {
            file.Tensors[Name("d " + name)] = Store.ToFile(name, x.Gradient!);
            if (!IsComparedWhole) file.Tensors["new " + name] = Store.ToFile(name, x);
        }
        return file;
    }

    public override void Dispose()
    {
        base.Dispose();
        labels.Free();
        optimizer?.Dispose();
        Store.Dispose();
    }

    string Name(string result) => IsComparedWhole ? "whole " + result : result;
}
