using System.Runtime.CompilerServices;

namespace MiniTorch.Ops;

/// <summary>One step of a neuron and its gradient, written once for both devices; k is 1/τ. See <see cref="NeuronOp{S}"/>.</summary>
readonly struct NeuronStep<S>(S surrogate, double threshold, double reset, bool hard, bool decayInput, bool detach, bool smooth) where S : unmanaged, ISurrogate
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    internal static NeuronStep<S> Of(S surrogate, NeuronOptions o) => new(surrogate, o.Threshold, o.VReset ?? 0, o.VReset is not null, o.DecayInput, o.DetachReset, o.Smooth);

    /// <summary>The membrane before the first step.</summary>
    internal double Start => reset;

    /// <summary>H, from the membrane before and the input.</summary>
    [MethodImpl(Inline)]
    internal R Charge<R>(R before, R x, R k) where R : struct, IReal<R>
        => decayInput ? R.MultiplyAdd(x - (before - R.Of(reset)), k, before) : R.MultiplyAdd(R.Of(reset) - before, k, before) + x;

    /// <summary>S. What is no number does not fire.</summary>
    [MethodImpl(Inline)]
    internal R Spike<R>(R h) where R : struct, IReal<R>
    {
        R x = h - R.Of(threshold);
        return smooth ? surrogate.Value(x) : R.Select(R.Equal(R.Max(x, R.Of(0)), x), R.Of(1), R.Of(0));
    }

    /// <summary>V, the membrane after the reset.</summary>
    [MethodImpl(Inline)]
    internal R Reset<R>(R h, R spike) where R : struct, IReal<R>
        => hard ? R.MultiplyAdd(spike, R.Of(reset), (R.Of(1) - spike) * h) : R.MultiplyAdd(spike, R.Of(-threshold), h);

    /// <summary>dx; dV of the step before, as far as it came through this one; and this step's part of dw. dV is complete: what came from outside and through the step after.</summary>
    [MethodImpl(Inline)]
    internal (R Dx, R DBefore, R Dw) Differentiate<R>(R h, R before, R dSpike, R dV, R k) where R : struct, IReal<R>
    {
        R one = R.Of(1), keeps = one - k;
        if (!detach) dSpike = R.MultiplyAdd(dV, hard ? R.Of(reset) - h : R.Of(-threshold), dSpike);
        R dH = R.MultiplyAdd(dSpike, surrogate.Slope(h - R.Of(threshold)), hard ? (one - Spike(h)) * dV : dV);
        return (decayInput ? dH * k : dH, dH * keeps, dH * keeps * (decayInput ? h - before : (R.Of(reset) - before) * k));
    }
}
