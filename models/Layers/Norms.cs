using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Layer normalisation over the last dimension. Parameters: weight [c] from 1, bias [c] from 0 (optional).</summary>
public sealed class LayerNorm(ParameterScope at, int channels, double epsilon = 1e-6, bool bias = true) : ILayer
{
    readonly Tensor weight = at.Parameter("weight", [channels], Inits.Ones);
    readonly Tensor? bias = bias ? at.Parameter("bias", [channels], Inits.Zeros) : null;
    readonly string path = at.Path;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Trace.Report(x.LayerNorm(weight.For(x), bias?.For(x), epsilon), path, $"LayerNorm {channels}", channels + (bias?.Count ?? 0));
    }
}

/// <summary>
/// Batch normalisation per channel (last dimension): batch statistics while recording, running ones else. Parameters: weight [c] from 1 (unless another start is given), bias [c] from 0;
/// states: running_mean from 0, running_var from 1. <see cref="ParameterStore.Statistics"/> freezes all of a model; PyTorch's count of batches is passed over.
/// </summary>
public sealed class BatchNorm(ParameterScope at, int channels, double momentum = 0.1, double epsilon = 1e-5, Init? weightInit = null) : ILayer
{
    readonly Tensor weight = at.Parameter("weight", [channels], weightInit ?? Inits.Ones), bias = at.Parameter("bias", [channels], Inits.Zeros);
    readonly Tensor mean = at.State("running_mean", [channels], Inits.Zeros), variance = at.State("running_var", [channels], Inits.Ones);
    readonly ParameterStore store = at.Without("num_batches_tracked").Store;
    readonly string path = at.Path;

    /// <summary>The norm with its running statistics as a factor and a term a channel, y = scale · x + shift: weight / √(running_var + ε), and bias − running_mean · scale.</summary>
    internal (double[] Scale, double[] Shift) Affine()
    {
        double[] scale = weight.ToDoubles(), shift = bias.ToDoubles(), means = mean.ToDoubles(), variances = variance.ToDoubles();
        for (int c = 0; c < scale.Length; c++)
        {
            scale[c] /= Math.Sqrt(variances[c] + epsilon);
            shift[c] -= means[c] * scale[c];
        }
        return (scale, shift);
    }

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Trace.Report(x.BatchNorm(weight.For(x), bias.For(x), mean, variance, store.Statistics, momentum, epsilon), path, $"BatchNorm {channels}", 2L * channels);
    }
}

/// <summary>Group normalisation of x [n, *spatial, c]. Parameters: weight [c] from 1, bias [c] from 0.</summary>
public sealed class GroupNorm(ParameterScope at, int groups, int channels, double epsilon = 1e-5) : ILayer
{
    readonly Tensor weight = at.Parameter("weight", [channels], Inits.Ones), bias = at.Parameter("bias", [channels], Inits.Zeros);
    readonly string path = at.Path;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Trace.Report(x.GroupNorm(groups, weight.For(x), bias.For(x), epsilon), path, $"GroupNorm {channels} in {groups} groups", 2L * channels);
    }
}
