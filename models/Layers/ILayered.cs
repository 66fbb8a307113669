namespace MiniTorch.Models;

/// <summary>A network whose parameters belong to layers that follow each other from stem to head: fine-tuning lets early ones learn more slowly.</summary>
public interface ILayered
{
    /// <summary>What the names of the parameters of each layer but the last begin with, from the stem on; all others belong to the last, with the head.</summary>
    IReadOnlyList<string[]> Beginnings { get; }

    /// <summary>Number of the head's layer, the last.</summary>
    int Layers => Beginnings.Count;

    /// <summary>Layer, 0 to <see cref="Layers"/>, of the parameter of a name.</summary>
    int LayerOf(string name)
    {
        int layer = 0;
        while (layer < Layers && !Beginnings[layer].Any(b => name.StartsWith(b, StringComparison.Ordinal) && name.AsSpan(b.Length) is ['.', ..])) layer++;
        return layer;
    }
}
