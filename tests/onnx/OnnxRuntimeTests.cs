using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MiniTorch.Models;

namespace MiniTorch.Onnx;

/// <summary>Written networks in ONNX Runtime: its logits are ours, for any batch.</summary>
public sealed class OnnxRuntimeTests : IDisposable
{
    readonly string path = Path.Combine(Path.GetTempPath(), $"minitorch-{Guid.NewGuid():n}.onnx");
    readonly CpuDevice device = new(2);

    public void Dispose()
    {
        File.Delete(path);
        device.Dispose();
    }

    static readonly ConvNeXtOptions convNeXt = new() { Depths = [1, 1, 2, 1], Dims = [8, 16, 24, 32], LayerScale = 0.5, DropPath = 0.4 };
    static readonly MetaFormerOptions metaFormer = new() { Depths = [1, 1, 2, 1], Dims = [8, 12, 16, 24], HeadChannels = 8, DropPath = 0.4, HeadDropout = 0.5 };
    static readonly FastVitOptions fastVit = new() { Depths = [1, 1, 2, 1], Dims = [4, 8, 16, 32], MlpRatio = 2, LayerScale = 0.5, DropPath = 0.4 };
    static readonly ResNetOptions resNet = new() { Depths = [1, 2, 1], Width = 4 };

    /// <summary>One of each family, with plain and with DCLS kernels, their image sizes; the larger sizes have an odd rest at every stride.</summary>
    static readonly Dictionary<string, (Network Network, int[] Sample)> networks = new()
    {
        ["convnext"] = (new ConvNeXtNetwork(convNeXt), [64, 64, 3]),
        ["convnext_dcls_v0"] = (new ConvNeXtNetwork(convNeXt, new("v0", 17, 34)), [64, 64, 3]),
        ["convnext_dcls_gauss"] = (new ConvNeXtNetwork(convNeXt, new("gauss", 9, 5)), [71, 66, 3]),
        ["convnext_isotropic"] = (new ConvNeXtIsotropicNetwork(convNeXt with { Depths = [2], Dims = [16], Stem = [16, 16], LayerScale = 0 }), [64, 64, 3]),
        ["convnext_audio"] = (new ConvNeXtNetwork(convNeXt with { Stem = [2, 16] }, new("gauss", 9, 5)), [32, 265, 1]),
        ["convformer"] = (new MetaFormerNetwork(metaFormer), [64, 64, 3]),
        ["convformer_dcls"] = (new MetaFormerNetwork(metaFormer, new("v1", 9, 7)), [70, 65, 3]),
        ["caformer"] = (new MetaFormerNetwork(metaFormer with { AttentionStages = 2 }), [64, 64, 3]),
        ["caformer_dcls"] = (new MetaFormerNetwork(metaFormer with { AttentionStages = 2 }, new("max", 9, 7)), [71, 75, 3]),
        ["fastvit"] = (new FastVitNetwork(fastVit), [64, 64, 3]),
        ["fastvit_folded"] = (new FastVitNetwork(fastVit with { Folded = true }), [64, 64, 3]),
        ["fastvit_dcls"] = (new FastVitNetwork(fastVit, new("v1", 9, 5)), [70, 75, 3]),
        ["resnet"] = (new ResNetNetwork(resNet), [64, 64, 3]),
        ["resnet_dcls"] = (new ResNetNetwork(resNet, new("v0", 7, 5)), [61, 66, 3]),
        ["two_dots"] = (new TwoDotsNetwork(9, Dcls: true), [24, 24, 1]),
    };

    public static TheoryData<string> Names => [.. networks.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Logits_are_ours(string name)
    {
        (Network network, int[] sample) = networks[name];
        (ILayer model, ParameterStore store) = ParameterStore.Build(at => network.Build(at, Shape.Create(sample), 5), device, seed: 3);
        using ParameterStore owner = store;
        RandomStream random = new(4, 0);
        foreach ((string parameter, Tensor p) in store.All)
            p.WriteDoubles(Array.ConvertAll(p.ToDoubles(), v => parameter.EndsWith("running_var", StringComparison.Ordinal) ? 0.5 + random.NextDouble() : v + 0.1 * random.NextNormal()));
        OnnxFile.Write(path, model, store, Shape.Create(sample), name, new Dictionary<string, string> { ["model"] = name });
        using InferenceSession session = new(path);
        Assert.Equal(name, session.ModelMetadata.CustomMetadataMap["model"]);
        Assert.Equal(name.Contains("dcls", StringComparison.Ordinal) || network is TwoDotsNetwork or ConvNeXtNetwork { Dcls: not null }, session.ModelMetadata.CustomMetadataMap.ContainsKey("dcls"));
        foreach (int batch in (int[])[1, 3])
        {
            float[] pixels = [.. Enumerable.Range(0, batch * sample[0] * sample[1] * sample[2]).Select(_ => (float)random.NextNormal())];
            double[] ours = Ours(model, pixels, [batch, .. sample]), theirs = Theirs(session, pixels, batch, sample);
            Assert.Equal(batch * 5, ours.Length);
            double scale = Math.Min(1, ours.Max(Math.Abs));
            Assert.True(ours.Distinct().Count() > batch * 4, "the logits tell nothing");
            Assert.All(ours.Zip(theirs), p => Assert.InRange(Math.Abs(p.First - p.Second) / scale, 0, 1e-4));
        }
    }

    double[] Ours(ILayer model, float[] pixels, int[] shape)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        return model.Forward(Tensor.Of(pixels, Shape.Create(shape), device)).ToDoubles();
    }

    static double[] Theirs(InferenceSession session, float[] pixels, int batch, int[] sample)
    {
        (int h, int w, int c) = (sample[0], sample[1], sample[2]);
        DenseTensor<float> images = new([batch, c, h, w]);
        for (int i = 0; i < pixels.Length; i++) images[i / (h * w * c), i % c, i / (w * c) % h, i / c % w] = pixels[i];
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results = session.Run([NamedOnnxValue.CreateFromTensor("image", images)]);
        return [.. Assert.Single(results).AsEnumerable<float>().Select(static v => (double)v)];
    }
}
