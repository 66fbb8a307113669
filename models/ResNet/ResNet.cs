using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>Sizes of a ResNet of bottleneck blocks.</summary>
public sealed record ResNetOptions
{
    /// <summary>Blocks per stage.</summary>
    public int[] Depths { get; init; } = [3, 4, 6, 3];

    /// <summary>Channels of the first stage inside its bottlenecks; each stage doubles them.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 1000;
}

/// <summary>
/// Makes the spatial convolution of a bottleneck: as many outputs as inputs, every output of every input, without bias, and as much padding as keeps the size where the
/// stride is 1. A ResNet takes its own from such a factory: 3×3 convolutions unless another is given, such as <see cref="Dcls.OfficialDense"/>.
/// </summary>
/// <param name="at">Where to declare its parameters.</param>
/// <param name="channels">Channels of input and output.</param>
/// <param name="stride">Stride, both axes.</param>
public delegate ILayer SpatialConv(ParameterScope at, int channels, int stride);

/// <summary>
/// ResNet with bottlenecks (He et al., arXiv 1512.03385; the stride in the 3×3 convolution) on images [n, h, w, c]: 7×7 convolution and pooling, four stages of blocks, mean over
/// positions, linear head. Names and initial values are timm's and torchvision's.
/// </summary>
public sealed class ResNet : ILayer, ILayered
{
    const int Expansion = 4;

    readonly DclsLayers dcls = new();
    readonly Sequential body;
    readonly Linear head;

    /// <summary>Declares the model's parameters at <paramref name="at"/>.</summary>
    public ResNet(ParameterScope at, ResNetOptions options, SpatialConv? spatial = null)
    {
        spatial ??= static (here, channels, stride) => Convolution(here, channels, channels, 3, stride);
        int channels = options.Width;
        List<ILayer> layers = [new Stem(at, options.InputChannels, channels)];
        List<string[]> beginnings = [["conv1", "bn1"]];
        for (int s = 0; s < options.Depths.Length; s++)
            for (int b = 0; b < options.Depths[s]; b++)
            {
                ParameterScope here = at[$"layer{s + 1}"][b];
                int width = options.Width << s;
                layers.Add(new Bottleneck(here, channels, width, s > 0 && b == 0 ? 2 : 1, (place, c, stride) => dcls.Add(spatial(place, c, stride))));
                channels = Expansion * width;
                beginnings.Add([$"layer{s + 1}.{b}"]);
            }
        (body, Beginnings) = (new([.. layers]), beginnings);
        head = new(at["fc"], channels, options.Classes);
    }

    /// <summary>The stem, then each block.</summary>
    public IReadOnlyList<string[]> Beginnings { get; }

    /// <summary>A convolution without bias; its weights normal with variance 2 / (outputs · cells), which keeps the size of gradients through ReLUs.</summary>
    static Conv2d Convolution(ParameterScope at, int inputs, int outputs, int kernel, int stride)
        => new(at, inputs, outputs, kernel, stride, padding: kernel / 2, bias: false, weightInit: Inits.Normal(Math.Sqrt(2.0 / (outputs * kernel * kernel))));

    /// <summary>Logits [n, classes] of images [n, h, w, c].</summary>
    public Tensor Forward(Tensor x)
    {
        using DclsLayers.Drawn drawn = dcls.Draw();
        return head.Forward(body.Forward(x).Mean([1, 2]));
    }

    sealed class Stem(ParameterScope at, int inputs, int width) : ILayer
    {
        readonly Conv2d conv = Convolution(at["conv1"], inputs, width, 7, 2);
        readonly BatchNorm norm = new(at["bn1"], width);

        public Tensor Forward(Tensor x) => norm.Forward(conv.Forward(x)).Relu().MaxPool([3], [2], [1]);
    }

    /// <summary>ReLU(shortcut x + norm(widen(ReLU(norm(spatial(ReLU(norm(narrow x)))))))); the last norm starts from 0, so that a new block lets x through.</summary>
    sealed class Bottleneck(ParameterScope at, int inputs, int width, int stride, SpatialConv spatialConv) : ILayer
    {
        readonly Conv2d narrow = Convolution(at["conv1"], inputs, width, 1, 1);
        readonly BatchNorm narrowNorm = new(at["bn1"], width);
        readonly ILayer spatial = spatialConv(at["conv2"], width, stride);
        readonly BatchNorm spatialNorm = new(at["bn2"], width);
        readonly Conv2d widen = Convolution(at["conv3"], width, Expansion * width, 1, 1);
        readonly BatchNorm wideNorm = new(at["bn3"], Expansion * width, weightInit: Inits.Zeros);
        readonly Sequential? shortcut = stride == 1 && inputs == Expansion * width ? null
            : new(Convolution(at["downsample"][0], inputs, Expansion * width, 1, stride), new BatchNorm(at["downsample"][1], Expansion * width));
        readonly string path = at.Path;

        public Tensor Forward(Tensor x)
        {
            using Profile.Scope layer = Profile.Layer(path);
            Tensor y = spatialNorm.Forward(spatial.Forward(narrowNorm.Forward(narrow.Forward(x)).Relu())).Relu();
            return (wideNorm.Forward(widen.Forward(y)) + (shortcut?.Forward(x) ?? x)).Relu();
        }
    }
}

/// <summary>A <see cref="ResNet"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
/// <param name="Dcls">What its 3×3 kernels are replaced by, or null.</param>
public sealed record ResNetNetwork(ResNetOptions Sizes, DclsKernels? Dcls = null) : Network
{
    /// <summary>ResNet50 and its published DCLS form.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        new("resnet50", NamedModel.ImageNet, new ResNetNetwork(new ResNetOptions())),
        new("resnet50_dcls", NamedModel.ImageNet, new ResNetNetwork(new ResNetOptions(), new("v0", 7, 5))),
    ];

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
    {
        Expect(sample);
        return new ResNet(at, Sizes with { InputChannels = sample[2], Classes = classes }, Dcls?.DenseFactory());
    }

    /// <summary>timm's and torchvision's names are the model's own.</summary>
    internal override IReadOnlyList<Naming> Namings => [new("timm", "layer#.#.conv1.weight")];
}
