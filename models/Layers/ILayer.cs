namespace MiniTorch.Models;

/// <summary>Anything with one input and one output, so that <see cref="Sequential"/> can hold it.</summary>
public interface ILayer
{
    /// <summary>The layer's output.</summary>
    Tensor Forward(Tensor x);
}

/// <summary>
/// Layers one after the other, in one inner step: after each layer only its result is left, in training beside what the graph saved.
/// </summary>
public sealed class Sequential(params ILayer[] layers) : ILayer
{
    /// <summary>The layers, in order.</summary>
    public IReadOnlyList<ILayer> Layers => layers;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Step step = Step.Begin();
        foreach (ILayer layer in layers)
        {
            x = layer.Forward(x);
            step.ReleaseExcept(x);
        }
        return step.Keep(x);
    }
}
