namespace MiniTorch.Models;

/// <summary>
/// One cycle: the rate rises from peak/div to the peak in the first share of the steps and falls to peak/div/finalDiv in the rest; with three phases it first
/// falls back as slowly as it rose, then to the end. Momentum (beta₁) mirrors it: high → low → high. Source: Smith, Topin (2019), with PyTorch's details.
/// </summary>
public sealed class OneCycle : ISchedule
{
    readonly record struct Phase(double End, double RateFrom, double RateTo, double MomentumFrom, double MomentumTo);

    readonly Phase[] phases;
    readonly bool linear;

    /// <summary>Over <paramref name="steps"/> updates; the rise takes <paramref name="rise"/> of them. Linear or cosine between the corners.</summary>
    public OneCycle(double peak, int steps, double rise = 0.3, bool linear = false, double lowMomentum = 0.85, double highMomentum = 0.95, double div = 25,
        double finalDiv = 1e4, bool threePhase = false)
    {
        if (steps < 1) throw new ArgumentOutOfRangeException(nameof(steps), steps, "a cycle has at least one step");
        if (rise is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(rise), rise, "the share of rising steps lies in [0, 1]");
        this.linear = linear;
        double start = peak / div, end = start / finalDiv;
        phases = threePhase
            ?
            [
                new(rise * steps - 1, start, peak, highMomentum, lowMomentum),
                new(2 * rise * steps - 2, peak, start, lowMomentum, highMomentum),
                new(steps - 1, start, end, highMomentum, highMomentum),
            ]
            : [new(rise * steps - 1, start, peak, highMomentum, lowMomentum), new(steps - 1, peak, end, lowMomentum, highMomentum)];
    }

    /// <inheritdoc/>
    public double Rate(int step)
    {
        (Phase phase, double share) = At(step);
        return Between(phase.RateFrom, phase.RateTo, share);
    }

    /// <inheritdoc/>
    public double? Momentum(int step)
    {
        (Phase phase, double share) = At(step);
        return Between(phase.MomentumFrom, phase.MomentumTo, share);
    }

    (Phase Phase, double Share) At(int step)
    {
        double begin = 0;
        for (int i = 0; ; i++)
        {
            Phase phase = phases[i];
            if (step <= phase.End) return (phase, phase.End == begin ? 1 : (step - begin) / (phase.End - begin));
            if (i == phases.Length - 1) return (phase, 1);
            begin = phase.End;
        }
    }

    double Between(double from, double to, double share) => linear ? from + (to - from) * share : to + (from - to) / 2 * (1 + Math.Cos(Math.PI * share));
}
