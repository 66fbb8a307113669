namespace MiniTorch.Models;

/// <summary>Learning rate by step: a pure function of the step number, so that continuing a run needs no state.</summary>
public interface ISchedule
{
    /// <summary>Learning rate in force during update number <paramref name="step"/>, counted from 0.</summary>
    double Rate(int step);

    /// <summary>Momentum (Adam's beta₁) in force during that update; null leaves the optimizer's own.</summary>
    double? Momentum(int step) => null;
}

/// <summary>The same rate throughout.</summary>
public sealed class ConstantSchedule(double rate) : ISchedule
{
    /// <inheritdoc/>
    public double Rate(int step) => rate;
}
