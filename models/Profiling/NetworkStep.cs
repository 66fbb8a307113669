using System.Diagnostics;
using MiniTorch.Ops;

namespace MiniTorch.Models.Profiling;

/// <summary>
/// A named model on random images, or on random spikes in one of 13 places of a sequence, ready to be repeated: its logits without a graph, or a training step (forward, cross-entropy, backward, optimizer, positions clamped, averaged
/// weights if the training has them), each part a phase of the <see cref="Profile"/>.
/// </summary>
sealed class NetworkStep : IDisposable
{
    /// <summary>Names of the phases.</summary>
    internal const string Forward = "forward", Loss = "loss", Backward = "backward", Update = "optimizer";

    const int SpikeEvery = 13;              // places: a rate of 7.7 %, as recordings have it

    readonly Device device;
    readonly ILayer model, network;         // the model, and what images go through: in bf16, if the training has it
    readonly MixedPrecision? mixed;
    readonly ParameterStore store;
    readonly Tensor images, labels;
    readonly Optimizer? optimizer;
    readonly ExponentialMovingAverage? average;
    readonly double smoothing;

    /// <summary>Builds the network for a batch [n, h, w, c] of images or [n, time, channels] of sequences, to be trained as the options say; an <see cref="ArgumentException"/> says why it cannot take them.</summary>
    internal NetworkStep(Device device, Network made, Shape batch, int classes, bool training, ulong seed, TrainingOptions? options = null)
    {
        this.device = device;
        (model, store) = ParameterStore.Build(at => made.Build(at, Shape.Create(batch.Dims[1..]), classes), device, seed: seed);
        mixed = MixedPrecision.Of(options?.Precision ?? Precision.Float32, model, store);
        network = mixed is null ? model : mixed;
        images = Tensor.Lasting(batch, device: device);
        labels = Tensor.Lasting([batch[0]], DType.Int32, device);
        RandomStream random = new(seed, 1);
        float[] pixels = new float[images.Count];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = batch.Rank == 3 ? random.NextInt(SpikeEvery) == 0 ? 1 : 0 : (float)random.NextNormal();
        images.Write<float>(pixels);
        int[] guesses = new int[batch[0]];
        for (int i = 0; i < guesses.Length; i++) guesses[i] = random.NextInt(classes);
        labels.Write<int>(guesses);
        if (!training) return;
        options ??= new();
        optimizer = options.MakeOptimizer(store.Trainable, model);
        smoothing = options.LabelSmoothing;
        if (options.EmaDecay > 0) average = new(store, options.EmaDecay, warmUp: true);
    }

    /// <summary>Number of trained values.</summary>
    internal long Parameters => store.ParameterCount;

    /// <summary>The trained tensors.</summary>
    internal IReadOnlyList<(string Name, Tensor Tensor)> Trainable => store.Trainable;

    /// <summary>Does the step once.</summary>
    internal void Run()
    {
        using Step step = Step.Begin();
        if (optimizer is null)
        {
            using Tape.Pause pause = Tape.Paused();
            using Profile.Scope phase = Profile.Phase(Forward);
            _ = network.Forward(images);
            return;
        }
        Tensor loss;
        using (Profile.Scope phase = Profile.Phase(Forward))
        {
            store.Randomness.Advance();
            loss = network.Forward(images);
        }
        using (Profile.Scope phase = Profile.Phase(Loss)) loss = CrossEntropy.Of(loss, labels, smoothing);
        using (Profile.Scope phase = Profile.Phase(Backward)) loss.Backward();
        using (Profile.Scope phase = Profile.Phase(Update))
        {
            optimizer.Update();
            store.Constrain();
            average?.Update();
        }
    }

    /// <summary>
    /// After a warm-up, steps without and with a profile in turns: so many pairs, or, without a number, at least five and more of what is short. The profile is their
    /// <see cref="MedianStep"/>. On an emulated GPU, whose times are estimates that no watching changes, it is one step after another that has made what lasts.
    /// </summary>
    internal Measured Measure(int? pairs = null, CancellationToken stop = default)
    {
        const int Fewest = 5, Most = 100;
        TimeSpan enough = TimeSpan.FromSeconds(2);
        Run();
        if (device is CudaDevice { Emulator: not null }) return new(Profile.Of(device, Run), null);
        Run();
        _ = Profile.Of(device, Run);
        List<double> plain = [], queued = [];
        List<StepProfile> profiles = [];
        Stopwatch all = Stopwatch.StartNew();
        while (profiles.Count < (pairs ?? Fewest) || pairs is null && profiles.Count < Most && all.Elapsed < enough)
        {
            stop.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Run();
            queued.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            device.Synchronize();
            plain.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            profiles.Add(Profile.Of(device, Run));
        }
        return new(MedianStep.Of(profiles), new(Median(profiles.ConvertAll(static p => p.Seconds)), Median(plain), plain.Min(), Median(queued), profiles.Count));

        static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
    }

    /// <summary>Frees the network and its operands.</summary>
    public void Dispose()
    {
        average?.Dispose();
        mixed?.Dispose();
        optimizer?.Dispose();
        images.Free();
        labels.Free();
        store.Dispose();
    }
}

/// <summary>What repeating a step gave.</summary>
/// <param name="Profile">The <see cref="MedianStep"/>, or the one step of an emulated GPU.</param>
/// <param name="Turns">Lengths of the steps as the clock has them; null of an emulated GPU.</param>
sealed record Measured(StepProfile Profile, Turns? Turns);

/// <summary>Steps with and without a profile in turns, in seconds.</summary>
/// <param name="Profiled">Median length of the steps with one.</param>
/// <param name="Plain">Median length of the steps without.</param>
/// <param name="Fastest">Length of the shortest of them.</param>
/// <param name="Queued">Median time after which the host has nothing more to do for one of them; a GPU may still be at work.</param>
/// <param name="Pairs">How often it was done each way.</param>
sealed record Turns(double Profiled, double Plain, double Fastest, double Queued, int Pairs);
