namespace MiniTorch.Models;

/// <summary>
/// Linear warm-up, then half a cosine, per step: warm-up goes from start to rate over w steps, both ends included; step i of the n−w that follow has
/// final + ½ (rate − final) (1 + cos(πi / (n−w))). The peak therefore comes twice, and the final value is approached but not reached, as in the
/// ConvNeXt training code.
/// </summary>
public sealed class CosineSchedule : ISchedule
{
    readonly double peak, final, start;
    readonly int steps, warmUp;

    /// <summary>Over <paramref name="steps"/> updates in all, <paramref name="warmUp"/> of them rising.</summary>
    public CosineSchedule(double rate, double final, int steps, int warmUp = 0, double start = 0)
    {
        if (warmUp < 0 || warmUp > steps) throw new ArgumentOutOfRangeException(nameof(warmUp), warmUp, $"a warm-up lies within the {steps} steps");
        (peak, this.final, this.start, this.steps, this.warmUp) = (rate, final, start, steps, warmUp);
    }

    /// <inheritdoc/>
    public double Rate(int step)
    {
        if (step < warmUp) return warmUp == 1 ? start : start + (peak - start) * step / (warmUp - 1);
        return step >= steps ? final : final + 0.5 * (peak - final) * (1 + Math.Cos(Math.PI * (step - warmUp) / (steps - warmUp)));
    }
}

/// <summary>Cosine annealing: final + ½ (rate − final) (1 + cos(π · step / period)); after one period it rises again.</summary>
public sealed class CosineAnnealing(double rate, int period, double final = 0) : ISchedule
{
    /// <inheritdoc/>
    public double Rate(int step) => final + 0.5 * (rate - final) * (1 + Math.Cos(Math.PI * step / period));
}
