using MiniTorch.Cuda;

namespace MiniTorch.Models;

/// <summary>
/// One step of a training: forward, loss, backward, optimizer, constraints, averaged weights, hits. With a graph a GPU repeats it as one launch (<see cref="StepGraph{TKey}"/>): the numbers of the
/// update are written to the device before, and losses are read one step late, so that the host never waits for the step that it has just queued.
/// </summary>
sealed class LearningStep : IDisposable
{
    /// <summary>What the launches depend on beside device memory.</summary>
    readonly record struct Frozen(nint Images, Shape Shape, nint Labels, nint Targets, bool Extra, double? ClipNorm);

    readonly ParameterStore store;
    readonly Optimizer[] optimizers;
    readonly ExponentialMovingAverage? average;
    readonly Hits hits;
    readonly Func<Batch, (Tensor Logits, Tensor Loss)> forward;
    readonly Func<Tensor, Tensor> addition;
    readonly Tensor value;
    readonly StepGraph<Frozen>? graph;
    readonly LateValues? late;
    readonly Queue<int> samples = new();            // of the steps whose losses have not been taken
    readonly Action learn;
    Batch batch;
    bool extra;

    /// <summary>A step over the parameters of a store. The loss that forward gives is what <see cref="TryTake"/> tells; addition makes of it what is differentiated, when a step asks for it.</summary>
    internal LearningStep(ParameterStore store, Optimizer[] optimizers, ExponentialMovingAverage? average, Hits hits, Func<Batch, (Tensor Logits, Tensor Loss)> forward, Func<Tensor, Tensor> addition,
        bool captured)
    {
        (this.store, this.optimizers, this.average, this.hits, this.forward, this.addition, learn) = (store, optimizers, average, hits, forward, addition, Learn);
        value = Tensor.Lasting([], store.DType, store.Device);
        if (!captured) return;
        if (store.Device is not CudaDevice gpu) throw new ArgumentException($"steps are captured as a graph on a CUDA device only, got {store.Device}; leave the graph out or choose such a device");
        (graph, late) = (new(gpu), gpu.Late(value));
    }

    /// <summary>True if the next step on the same batch memory is one launch.</summary>
    internal bool IsCaptured => graph is { IsCaptured: true };

    /// <summary>Steps whose losses have not been taken.</summary>
    internal int Pending => samples.Count;

    /// <summary>Learns from a batch; with the addition to the loss if it is wanted. Learning rates, random state and widths of taps are set before.</summary>
    internal void Run(Batch next, bool withAddition = false)
    {
        (batch, extra) = (next, withAddition);
        foreach (Optimizer optimizer in optimizers) optimizer.Advance();
        average?.Advance();
        if (graph is null) Learn();
        else graph.Run(new(batch.Images.Address, batch.Images.Shape, batch.Labels.Address, batch.Targets?.Address ?? 0, extra, optimizers[0].ClipNorm), learn);
        late?.Note();
        samples.Enqueue(batch.Count);
    }

    /// <summary>The loss of the earliest step that has not been taken. With a graph that of the latest step is left, unless all are asked for: then it is waited for.</summary>
    internal bool TryTake(bool all, out double loss, out int count)
    {
        (loss, count) = (0, 0);
        if (samples.Count <= (late is null || all ? 0 : 1)) return false;
        (loss, count) = (late?.Take() ?? value.Item(), samples.Dequeue());
        return true;
    }

    /// <summary>Gives the graph and its memory back.</summary>
    public void Dispose()
    {
        late?.Dispose();
        graph?.Dispose();
        value.Free();
    }

    void Learn()
    {
        using Step step = Step.Begin();
        (Tensor logits, Tensor loss) = forward(batch);
        value.Assign(loss.View([]));
        (extra ? addition(loss) : loss).Backward();
        foreach (Optimizer optimizer in optimizers) optimizer.Apply();
        store.Constrain();
        average?.Apply();
        hits.Add(logits, batch.Labels);
    }
}
