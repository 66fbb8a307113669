using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Sizes of a ConvNeXt.</summary>
public sealed record ConvNeXtOptions
{
    /// <summary>Blocks per stage.</summary>
    public int[] Depths { get; init; } = [3, 3, 9, 3];

    /// <summary>Channels per stage.</summary>
    public int[] Dims { get; init; } = [96, 192, 384, 768];

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Kernel and stride of the patchifying stem, height and width; [2, 16] for spectrograms.</summary>
    public int[] Stem { get; init; } = [4, 4];

    /// <summary>Size of the plain depthwise kernels, odd.</summary>
    public int KernelSize { get; init; } = 7;

    /// <summary>Largest drop-path rate; it rises linearly over the blocks.</summary>
    public double DropPath { get; init; }

    /// <summary>Factor on the initial weights of the head; the official fine-tuning has 0.001.</summary>
    public double HeadInitScale { get; init; } = 1;

    /// <summary>What layer scale starts from; 0 leaves layer scale out.</summary>
    public double LayerScale { get; init; } = 1e-6;
}

/// <summary>
/// ConvNeXt (Liu et al., arXiv 2201.03545) and ConvNeXt-dcls on images [n, h, w, c]: a patchifying stem, four stages of blocks with a normalised 2×2 downsampling between,
/// mean over positions, norm, linear head. Names and initial values are the official ones.
/// </summary>
public sealed class ConvNeXt : ILayer, ILayered
{
    internal const double Deviation = 0.02;

    readonly DclsLayers dcls = new();
    readonly Sequential body;
    readonly LayerNorm norm;
    readonly Linear head;

    /// <summary>
    /// Declares the model's parameters at <paramref name="at"/>. <paramref name="depthwise"/> makes the depthwise convolutions: plain ones unless given,
    /// <see cref="Dcls.Official"/> for a ConvNeXt-dcls.
    /// </summary>
    public ConvNeXt(ParameterScope at, ConvNeXtOptions options, Depthwise? depthwise = null)
    {
        depthwise = dcls.Collect(depthwise ?? Conv2d.Depthwise);
        int count = options.Depths.Length;
        if (count == 0 || options.Dims.Length != count) throw new TensorException($"ConvNeXt: depths [{string.Join(", ", options.Depths)}] and dims [{string.Join(", ", options.Dims)}] must name the same stages");
        List<ILayer> layers = [];
        int total = options.Depths.Sum(), block = 0;
        for (int s = 0; s < count; s++)
        {
            ParameterScope down = at["downsample_layers"][s];
            int width = options.Dims[s], before = s == 0 ? options.InputChannels : options.Dims[s - 1];
            PerAxis patch = s == 0 ? PerAxis.Create(options.Stem) : 2;
            if (s > 0) layers.Add(new LayerNorm(down[0], before));
            layers.Add(new Conv2d(down[s == 0 ? 0 : 1], before, width, patch, stride: patch, weightInit: Inits.TruncatedNormal(Deviation), biasInit: Inits.Zeros));
            if (s == 0) layers.Add(new LayerNorm(down[1], width));
            for (int b = 0; b < options.Depths[s]; b++, block++)
            {
                double drop = total > 1 ? options.DropPath * block / (total - 1) : 0;
                layers.Add(new Block(at["stages"][s][b], width, drop, options, depthwise));
            }
        }
        body = new([.. layers]);
        Beginnings = [["downsample_layers.0"], ["stages.0"], ["downsample_layers.1", "stages.1"], .. Enumerable.Range(0, 9).Select(g => Third(g, options.Depths)), ["downsample_layers.3", "stages.3"]];
        norm = new(at["norm"], options.Dims[^1]);
        head = new(at["head"], options.Dims[^1], options.Classes, weightInit: Inits.TruncatedNormal(options.HeadInitScale * Deviation), biasInit: Inits.Zeros);
    }

    /// <summary>
    /// As in the official fine-tuning: 0 the stem, 1 and 2 the first two stages, 3 to 11 three blocks each of the third, 12 the fourth, each stage with the downsampling before it.
    /// A network of another depth has the same numbers, some of them empty.
    /// </summary>
    public IReadOnlyList<string[]> Beginnings { get; }

    /// <summary>Logits [n, classes] of images [n, h, w, c].</summary>
    public Tensor Forward(Tensor x)
    {
        using DclsLayers.Drawn drawn = dcls.Draw();
        return head.Forward(norm.Forward(body.Forward(x).Mean([1, 2])));
    }

    static string[] Third(int group, int[] depths)
    {
        int depth = depths.Length > 2 ? depths[2] : 0, begin = 3 * group, end = group == 8 ? depth : begin + 3;
        IEnumerable<string> blocks = Enumerable.Range(begin, Math.Max(0, Math.Min(end, depth) - begin)).Select(static b => $"stages.2.{b}");
        return group == 0 ? ["downsample_layers.2", .. blocks] : [.. blocks];
    }

    /// <summary>x + drop path(γ · project(GELU(expand(norm(depthwise x))))).</summary>
    internal sealed class Block : ILayer
    {
        readonly ILayer depthwise;
        readonly LayerNorm norm;
        readonly Linear expand, project;
        readonly Residual residual;
        readonly string path;

        internal Block(ParameterScope at, int width, double dropRate, ConvNeXtOptions options, Depthwise depthwise)
        {
            path = at.Path;
            Init weight = Inits.TruncatedNormal(Deviation);
            this.depthwise = depthwise(at["dwconv"], width, options.KernelSize, bias: true, weight, Inits.Zeros);
            norm = new(at["norm"], width);
            expand = new(at["pwconv1"], width, 4 * width, weightInit: weight, biasInit: Inits.Zeros);
            project = new(at["pwconv2"], 4 * width, width, weightInit: weight, biasInit: Inits.Zeros);
            residual = new(at, "gamma", width, options.LayerScale, dropRate);
        }

        public Tensor Forward(Tensor x)
        {
            using Profile.Scope layer = Profile.Layer(path);
            return residual.Join(x, project.Forward(expand.Forward<Gelu>(norm.Forward(depthwise.Forward(x)))));
        }
    }
}
