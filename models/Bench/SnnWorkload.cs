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
sealed class SnnWorkload : LearningWorkload
{
    const double Rate = 1e-3, Decay = 1e-5, PositionScale = 100;
    const int SpikeEvery = 13;

    internal SnnWorkload(Device device, Sizes s, SnnPass pass)
        : base(device, ParameterStore.Build<ILayer>(at => new SnnDelays(at, Options(s, pass)), device), [.. Enumerable.Range(0, s['B']).Select(i => i % s.Widths()[^1])],
            Rate, Decay, pass == SnnPass.TrainStep ? static store => new Adam(store.Trainable, Rate, weightDecay: Decay, groups: ParameterGroups.Dcls(PositionScale)) : null)
        => Input = Spikes("spikes", [s['B'], s['T'], s.Widths()[0]], SpikeEvery);

    protected override Tensor Input { get; }

    protected override bool IsComparedWhole => true;

    static SnnOptions Options(Sizes s, SnnPass pass)
    {
        int[] widths = s.Widths();
        return new() { Inputs = widths[0], Hidden = widths[1..^1], Classes = widths[^1], MaxDelay = s['d'], Dropout = 0, Rounded = pass == SnnPass.RoundedForward };
    }
}
