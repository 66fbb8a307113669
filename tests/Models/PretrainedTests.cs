using MiniTorch.Models;
using MiniTorch.Tests.Parity;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Models;

/// <summary>Weights from files: judged by the reference's logits of the models that they are of.</summary>
public sealed class PretrainedTests : IDisposable
{
    static readonly ConvNeXtNetwork speck = new(new() { Depths = [1, 1], Dims = [4, 8] }, new("v1", 5, 3));

    readonly TemporaryFolder folder = new();
    readonly CpuDevice device = new(1);

    string File => Path.Combine(folder.Path, "weights.bin");

    public void Dispose()
    {
        device.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("model_convnext")]
    [InlineData("model_convnext_dcls_v0")]
    [InlineData("model_convnext_dcls_gauss")]
    [InlineData("model_convnext_dcls_audio_gauss")]
    [InlineData("model_convformer")]
    [InlineData("model_caformer_dcls_gauss")]
    [InlineData("model_fastvit")]
    [InlineData("model_fastvit_dcls_gauss_audio")]
    public void Official_names_give_the_official_logits(string name)
    {
        GoldenCase c = new(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".safetensors"), DType.Float32, device);
        Tensor x = c.Constant("x", Layout.ChannelsLast);
        Safetensors file = new();
        foreach ((string key, StoredTensor stored) in ModelGolden.State(c)) file.Tensors["module." + key] = stored;
        file.Write(File);
        (ILayer model, ParameterStore store, PretrainedReport report) = Pretrained.Load(NetworkOf(c), Shape.Create(x.Shape.Dims[1..]), c.Int("num_classes"), File, device);
        using ParameterStore owner = store;
        Assert.Equal(("safetensors", null, "official"), (report.Format, report.Part, report.Names));
        Assert.Empty(report.Anew);
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] expected = c.Read("logits", Layout.Same).Values, actual = model.Forward(x).ToDoubles();
        Assert.All(expected.Zip(actual), p => Assert.InRange(Math.Abs(p.First - p.Second) / Math.Max(0.1, expected.Max(Math.Abs)), 0, 1e-4));
    }

    internal static Network NetworkOf(GoldenCase c)
    {
        DclsKernels? dcls = c.Has("dcls_kernel_size") ? new(c.Text("version"), c.Int("dcls_kernel_size"), c.Int("dcls_kernel_count")) : null;
        return c.Name.Split('_')[1] switch
        {
            "convnext" => new ConvNeXtNetwork(ConvNeXtGolden.Sizes(c), dcls),
            "fastvit" => new FastVitNetwork(FastVitGolden.Sizes(c), dcls),
            _ => new MetaFormerNetwork(MetaFormerGolden.Sizes(c), dcls),
        };
    }

    /// <summary>A checkpoint of a run has the model, its average, and what goes on with the training; the average is what is loaded.</summary>
    [Fact]
    public void A_run_gives_its_averaged_weights()
    {
        Safetensors own = Own(), run = new();
        foreach ((string name, StoredTensor stored) in own.Tensors) (run.Tensors["model." + name], run.Tensors["ema." + name], run.Tensors["optimizer.m." + name]) = (Zeros(stored), stored, stored);
        run.Metadata["state"] = "{}";
        run.Write(File);
        (_, ParameterStore store, PretrainedReport report) = Load();
        using ParameterStore owner = store;
        Assert.Equal("checkpoint of a run", report.Format);
        Same(own, store, []);
    }

    /// <summary>With a new head all but the head is the file's, whichever classes the file has; the head is that of the seed.</summary>
    [Fact]
    public void A_head_is_new_on_request_only()
    {
        Safetensors own = Own(classes: 7);
        own.Write(File);
        string message = Assert.Throws<InvalidDataException>(() => Load()).Message;
        Assert.Contains("head.bias has shape [7], [3] was expected; head.weight has shape [7, 8], [3, 8] was expected; it is of another number of classes than 3", message, StringComparison.Ordinal);
        (_, ParameterStore store, PretrainedReport report) = Load(newHead: true, seed: 5);
        using ParameterStore owner = store;
        Assert.Equal(["head.bias", "head.weight"], report.Anew);
        Same(own, store, report.Anew);
        Same(Own(seed: 5), store, [.. own.Tensors.Keys.Except(report.Anew)]);
    }

    /// <summary>One exception names everything, as the file does; of long lists the message has the first of each kind, the inner exception all.</summary>
    [Fact]
    public void All_that_does_not_fit_is_told_at_once()
    {
        Safetensors own = Own();
        own.Tensors.Remove("norm.bias");
        own.Tensors["norm.weight"] = Zeros(own.Tensors["head.weight"]);
        own.Tensors["stages.1.0.dwconv.more"] = Zeros(own.Tensors["head.bias"]);
        own.Write(File);
        Assert.Equal($"{File}, official names: the checkpoint does not fit the model: norm.weight has shape [3, 8], [8] was expected; missing norm.bias; unexpected stages.1.0.dwconv.more",
            Assert.Throws<InvalidDataException>(() => Load()).Message);
        for (int i = 0; i < 100; i++) own.Tensors[$"extra.{i}"] = Zeros(own.Tensors["head.bias"]);
        own.Write(File);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Load());
        Assert.EndsWith("; unexpected extra.13; and 95 more", e.Message, StringComparison.Ordinal);
        Assert.Equal(103, e.InnerException!.Message.Split('\n').Length);
    }

    /// <summary>Rows of P of the years when they were the other way round.</summary>
    [Fact]
    public void Columns_first_swaps_the_rows_of_positions()
    {
        Safetensors own = Own(), turned = Own();
        foreach ((string name, StoredTensor p) in own.Tensors.Where(static t => t.Key.EndsWith(".P", StringComparison.Ordinal)))
            turned.Tensors[name] = p with { Bytes = (byte[])[.. p.Bytes.Span[(p.Bytes.Length / 2)..], .. p.Bytes.Span[..(p.Bytes.Length / 2)]] };
        turned.Write(File);
        (_, ParameterStore store, _) = Pretrained.Load(speck, [16, 16, 1], 3, File, device, columnsFirst: true);
        using ParameterStore owner = store;
        Same(own, store, []);
    }

    [Theory]
    [InlineData("\u0080\u0002\u008a\u000al\u00fc\u009cF\u00f9 j\u00a8P\u0019.", "before 1.6")]
    [InlineData("GIF89a, a picture", "neither safetensors nor")]
    [InlineData("", "neither safetensors nor")]
    public void Other_files_are_named_and_refused(string contents, string why)
    {
        System.IO.File.WriteAllBytes(File, System.Text.Encoding.Latin1.GetBytes(contents));
        string message = Assert.Throws<InvalidDataException>(() => Load()).Message;
        Assert.StartsWith(File, message, StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
    }

    Safetensors Own(int classes = 3, ulong seed = 1)
    {
        (_, ParameterStore store) = ParameterStore.Build(at => speck.Build(at, [16, 16, 1], classes), device, seed: seed);
        using ParameterStore owner = store;
        Safetensors file = new();
        store.Save(file);
        return file;
    }

    (ILayer, ParameterStore, PretrainedReport) Load(bool newHead = false, ulong seed = 0) => Pretrained.Load(speck, [16, 16, 1], 3, File, device, newHead, seed);

    static StoredTensor Zeros(StoredTensor like) => like with { Bytes = new byte[like.Bytes.Length] };

    static void Same(Safetensors expected, ParameterStore actual, IReadOnlyList<string> but)
    {
        Safetensors saved = new();
        actual.Save(saved);
        Assert.Equal(expected.Tensors.Keys, saved.Tensors.Keys);
        foreach ((string name, StoredTensor t) in expected.Tensors)
            if (!but.Contains(name)) Assert.Equal((t.Type, t.Shape, Convert.ToHexString(t.Bytes.Span)), (saved.Tensors[name].Type, saved.Tensors[name].Shape, Convert.ToHexString(saved.Tensors[name].Bytes.Span)));
    }
}
