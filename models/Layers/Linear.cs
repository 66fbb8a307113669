using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>y = x · W + b over the last dimension. Parameters: weight [in, out] (in files (out, in)), bias [out]; PyTorch's initial values unless others are given.</summary>
public sealed class Linear(ParameterScope at, int inputs, int outputs, bool bias = true, Init? weightInit = null, Init? biasInit = null) : ILayer
{
    readonly Tensor weight = at.Parameter("weight", [inputs, outputs], weightInit ?? Inits.FanIn(inputs), AxisOrder.Reversed);
    readonly Tensor? bias = bias ? at.Parameter("bias", [outputs], biasInit ?? Inits.FanIn(inputs)) : null;
    readonly string path = at.Path;

    /// <summary>W [in, out].</summary>
    internal Tensor Weight => weight;

    /// <summary>b [out], or null without one.</summary>
    internal Tensor? Bias => bias;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Report(x.Linear(weight.For(x), bias?.For(x)));
    }

    /// <summary>f(x · W + b): the layer and the activation after it as one.</summary>
    public Tensor Forward<F>(Tensor x, F activation = default) where F : unmanaged, IUnary
    {
        using Profile.Scope layer = Profile.Layer(path);
        return Report(x.LinearActivation(weight.For(x), bias?.For(x), activation));
    }

    Tensor Report(Tensor y) => Trace.Report(y, path, $"Linear {inputs} → {outputs}", weight.Count + (bias?.Count ?? 0), (long)y.Count * inputs);
}
