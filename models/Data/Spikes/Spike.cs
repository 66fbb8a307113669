namespace MiniTorch.Models;

/// <summary>One unit fires at a time in seconds.</summary>
public readonly record struct Spike(float Time, ushort Unit);

/// <summary>A recording as spikes in order of time, its class and who spoke.</summary>
public sealed record SpikeSample(IReadOnlyList<Spike> Spikes, int Label, int Speaker = 0);
