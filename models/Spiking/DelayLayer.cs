using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Connections of x [time, batch, in] to currents [time + (S − 1) / 2, batch, out] through synapses with delays of 0 to S − 1 steps: a <see cref="Dcls1d"/> over time, of P = (S − 1) / 2
/// for no delay and less for more. While gradients are recorded its Gaussian kernel is convolved with (<see cref="DelayConv"/>); else, if
/// <paramref name="rounded"/>, every tap counts with its nearest whole delay (<see cref="RoundedDelays"/>), which is how networks with delays are evaluated.
/// Parameters: those of the layer. Source: Hammouamri et al., arXiv 2306.17670.
/// </summary>
public sealed class DelayLayer(ParameterScope at, int inputs, int outputs, int kernelCount, int maxDelay, bool bias, bool rounded, DclsOptions options) : ILayer
{
    /// <summary>The taps.</summary>
    public Dcls1d Taps { get; } = new(at, inputs, outputs, kernelCount, Odd(maxDelay), bias: bias, version: Interpolation.Gauss, options: options);

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(Taps.Path);
        Tensor y = rounded && !Tape.Recording ? RoundedDelays.Of(x, Taps.Weight, Taps.Position.Reshape(Taps.Position.Shape.Dims[1..]), maxDelay, Taps.Bias) : x.DelayConv(Taps.Kernel(), Taps.Bias);
        long synapses = (long)kernelCount * inputs * outputs;
        return Trace.Report(y, Taps.Path, $"delays to {maxDelay - 1} of {kernelCount}, {inputs} → {outputs}", 2 * synapses + (Taps.Bias?.Count ?? 0), (long)y.Shape[0] * x.Shape[1] * maxDelay * inputs * outputs,
            (long)x.Shape[0] * x.Shape[1] * maxDelay * inputs * outputs);
    }

    /// <summary>Steps of the window of delays.</summary>
    public int Window => maxDelay;

    /// <summary>How many taps have each whole delay, 0 to the window less 1, as they are now.</summary>
    public int[] Histogram() => Histogram(Taps.Position.ToDoubles());

    /// <summary>The same of other positions.</summary>
    public int[] Histogram(double[] positions)
    {
        int[] counts = new int[maxDelay];
        foreach (double p in positions) counts[RoundedDelays.Delay(p, maxDelay)]++;
        return counts;
    }

    /// <summary>The delays in steps as they are now, [count, in, out]; fractions of a step among them.</summary>
    public double[] Delays() => Array.ConvertAll(Taps.Position.ToDoubles(), p => (maxDelay - 1) / 2 - p);

    static int Odd(int maxDelay) => maxDelay > 0 && maxDelay % 2 == 1 ? maxDelay : throw new ArgumentException($"a window of delays has an odd number of steps, got {maxDelay}; use {maxDelay + 1}");
}
