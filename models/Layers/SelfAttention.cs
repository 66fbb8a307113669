using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Multi-head self-attention over the positions of x [n, *spatial, c]: softmax(q · kᵀ / √d) · v for each head of d channels, projected. Parameters: qkv.weight [c, 3c],
/// proj.weight [c, c] (in files (out, in)), proj.bias [c] if wanted.
/// </summary>
public sealed class SelfAttention : ILayer
{
    readonly Linear qkv, project;
    readonly int heads, headChannels;
    readonly string path;

    /// <summary>Declares the layer; as many heads of <paramref name="headChannels"/> as the channels make, which must be a multiple.</summary>
    public SelfAttention(ParameterScope at, int channels, int headChannels = 32, bool projectionBias = false, Init? weightInit = null)
    {
        if (headChannels < 1 || channels % headChannels != 0) throw new TensorException($"SelfAttention: {channels} channels must be a multiple of the {headChannels} of a head");
        (heads, this.headChannels, path) = (channels / headChannels, headChannels, at.Path);
        qkv = new(at["qkv"], channels, 3 * channels, bias: false, weightInit: weightInit);
        project = new(at["proj"], channels, channels, bias: projectionBias, weightInit: weightInit, biasInit: Inits.Zeros);
    }

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        int n = x.Shape[0], channels = x.Shape[^1], positions = n == 0 ? 0 : x.Count / n / channels;
        Tensor all = qkv.Forward(x).Reshape(n, positions, 3, heads, headChannels).Permute(2, 0, 3, 1, 4);
        Tensor y = ScaledDotProductAttention.Of(Part(0), Part(1), Part(2));
        Trace.Report(y, path, $"Attention of {heads} heads", macs: 2L * y.Count * positions);
        return project.Forward(y.Permute(0, 2, 1, 3).Reshape(x.Shape.Dims));

        Tensor Part(int i) => all.Slice(0, i, 1).Reshape(n, heads, positions, headChannels);
    }
}
