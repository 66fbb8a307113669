using System.Diagnostics;
using MiniTorch.Models.Profiling;
using MiniTorch.Ops;

namespace MiniTorch.Models.Bench;

/// <summary>
/// Training steps as <see cref="Trainer"/> does them, on one batch that stays where it is: forward, smoothed cross-entropy, backward, AdamW with the rates of positions, constraints, the count of right
/// guesses. On a GPU they are repeated as a graph once they have settled. A step ends when the device has done it.
/// </summary>
sealed class TrainingPace : IDisposable
{
    const int Settled = 6;          // steps that are not timed: what lasts is made, the graph captured
    const double Smoothing = 0.1, Rate = 1e-4, Decay = 0.05;

    readonly Device device;
    readonly ParameterStore store;
    readonly MixedPrecision? mixed;
    readonly AdamW optimizer;
    readonly Hits hits;
    readonly LearningStep step;
    readonly Tensor images, labels;

    internal TrainingPace(Device device, NamedModel model, int batch, Precision precision)
    {
        this.device = device;
        (ILayer made, store) = ParameterStore.Build(at => model.Network.Build(at, Shape.Create(model.Sample), model.Classes), device);
        mixed = MixedPrecision.Of(precision, made, store);
        ILayer network = mixed is null ? made : mixed;
        (optimizer, hits) = (new(store.Trainable, Rate, weightDecay: Decay, groups: ParameterGroups.Dcls()), new(model.Classes, device));
        (images, labels) = (Tensor.Lasting([batch, .. model.Sample], device: device), Tensor.Lasting([batch], DType.Int32, device));
        RandomStream random = new(0, 1);
        images.Write<float>([.. Enumerable.Range(0, images.Count).Select(_ => (float)random.NextNormal())]);
        labels.Write<int>([.. Enumerable.Range(0, batch).Select(_ => random.NextInt(model.Classes))]);
        step = new(store, [optimizer], null, hits, b =>
        {
            Tensor logits = network.Forward(b.Images);
            return (logits, CrossEntropy.Of(logits, b.Labels, Smoothing));
        }, static loss => loss, device is CudaDevice);
    }

    /// <summary>
    /// The shortest that such a step can take on a machine, in ms: of every launch its products or its bytes, each operand once, whichever takes longer. Nothing is computed: launches on a
    /// <see cref="ShapeDevice"/> say what they would cost.
    /// </summary>
    internal static double FloorMs(NamedModel model, int batch, Precision precision, Ceiling machine)
    {
        using ShapeDevice device = new();
        TrainingOptions options = new() { Precision = precision == Precision.BFloat16 ? precision : Precision.Float32 };
        using NetworkStep step = new(device, model.Network, [batch, .. model.Sample], model.Classes, training: true, seed: 0, options);
        step.Run();
        return 1e3 * Profile.Of(device, step.Run).Kernels.Sum(k => k.Cost?.Bound(1e9 * machine.Gflops, 1e9 * machine.GigabytesPerSecond) ?? 0);
    }

    /// <summary>Lengths of so many steps in ms, and the most device memory in use during them.</summary>
    internal (double[] Milliseconds, long PeakBytes) Measure(int steps, CancellationToken stop)
    {
        for (int i = 0; i < Settled; i++) Once();
        device.Pool.ResetPeak();
        double[] all = new double[steps];
        for (int i = 0; i < steps; i++)
        {
            stop.ThrowIfCancellationRequested();
            long begin = Stopwatch.GetTimestamp();
            Once();
            all[i] = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        }
        return (all, device.Pool.PeakBytes);
    }

    /// <summary>Frees the network and its operands.</summary>
    public void Dispose()
    {
        step.Dispose();
        hits.Dispose();
        optimizer.Dispose();
        mixed?.Dispose();
        images.Free();
        labels.Free();
        store.Dispose();
    }

    void Once()
    {
        store.Randomness.Advance();
        step.Run(new(images, labels, 0));
        while (step.TryTake(all: false, out _, out _)) { }
        device.Synchronize();
    }
}
