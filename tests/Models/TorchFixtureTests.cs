using System.IO.Compression;
using MiniTorch.Models;
using MiniTorch.Tests.Parity;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Models;

/// <summary>Files that PyTorch wrote (Golden/Torch): the networks they make have the reference's weights and logits, and are written so that they can be read again.</summary>
public sealed class TorchFixtureTests : IDisposable
{
    const long Memory = 2 << 20;        // bytes that refusing a file of at most 0.2 MiB may take
    static readonly string golden = Path.Combine(AppContext.BaseDirectory, "Golden");

    readonly TemporaryFolder folder = new();
    readonly CpuDevice device = new(1);

    public void Dispose()
    {
        device.Dispose();
        folder.Dispose();
    }

    /// <summary>The file, the case its weights are of, under which key they lie, whose names they have.</summary>
    public static TheoryData<string, string, string?, string> Files => new()
    {
        { "convnext_dcls_training", "model_convnext_dcls_v0", "model_ema", "official" },
        { "caformer_dcls_trainer", "model_caformer_dcls_gauss", "state_dict_ema", "official" },
        { "convformer_sail", "model_convformer", null, "official" },
        { "fastvit_apple", "model_fastvit", "state_dict", "official" },
        { "convnext_timm", "model_convnext", null, "timm" },
        { "caformer_timm", "model_caformer", null, "timm" },
        { "fastvit_timm", "model_fastvit", null, "timm" },
    };

    [Theory, MemberData(nameof(Files))]
    public void Weights_are_the_reference_s_and_go_round(string file, string name, string? part, string names)
    {
        GoldenCase c = Case(name);
        Network network = PretrainedTests.NetworkOf(c);
        Tensor x = c.Constant("x", Layout.ChannelsLast);
        (ILayer model, ParameterStore store, PretrainedReport report) = Load(network, c, Path.Combine(golden, "Torch", file + ".pth"));
        using ParameterStore owner = store;
        Assert.Equal(("PyTorch", part, names), (report.Format, report.Part, report.Names));
        Dictionary<string, StoredTensor> expected = ModelGolden.State(c);
        Safetensors official = Pretrained.Named(network, store, "official");
        Assert.Equal(expected.Keys.Where(static k => !k.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Order(StringComparer.Ordinal), official.Tensors.Keys);
        foreach ((string key, StoredTensor t) in official.Tensors) Same(expected[key], t);
        Near(c, model, x);
        foreach (string program in (string[])["official", "timm"])
        {
            string path = Path.Combine(folder.Path, program);
            Pretrained.Named(network, store, program).Write(path);
            (_, ParameterStore again, PretrainedReport second) = Load(network, c, path);
            using ParameterStore other = again;
            Assert.Equal(program, second.Names);
            Safetensors back = Pretrained.Named(network, again, "official");
            foreach ((string key, StoredTensor t) in official.Tensors) Same(t, back.Tensors[key]);
        }
    }

    /// <summary>The names and shapes that are written for timm are those of the modules that PyTorch saved, but for the counts of batches.</summary>
    [Theory]
    [InlineData("convnext_timm", "model_convnext")]
    [InlineData("caformer_timm", "model_caformer")]
    [InlineData("fastvit_timm", "model_fastvit")]
    public void Written_names_are_timm_s(string file, string name)
    {
        GoldenCase c = Case(name);
        Network network = PretrainedTests.NetworkOf(c);
        string path = Path.Combine(golden, "Torch", file + ".pth");
        (_, ParameterStore store, _) = Load(network, c, path);
        using ParameterStore owner = store;
        Assert.Equal(TorchFile.Read(path).Where(static t => !t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Select(static t => (t.Key, t.Value.Shape)).OrderBy(static t => t.Key, StringComparer.Ordinal),
            Pretrained.Named(network, store, "timm").Tensors.Select(static t => (t.Key, t.Value.Shape)));
    }

    [Fact]
    public void Half_precision_is_widened()
    {
        GoldenCase c = Case("model_convnext");
        (_, ParameterStore store, _) = Load(PretrainedTests.NetworkOf(c), c, Path.Combine(golden, "Torch", "convnext_facebook_half.pth"));
        using ParameterStore owner = store;
        Dictionary<string, StoredTensor> exact = ModelGolden.State(c);
        Safetensors own = Pretrained.Named(PretrainedTests.NetworkOf(c), store, "official");
        foreach ((string key, StoredTensor t) in own.Tensors)
            Assert.All(exact[key].ToDoubles().Zip(t.ToDoubles()), p => Assert.Equal(exact[key].Shape.Rank > 1 ? Brain((float)p.First) : (double)(Half)p.First, p.Second));

        static double Brain(float v)        // to the nearest, ties to even
        {
            uint bits = BitConverter.SingleToUInt32Bits(v);
            return BitConverter.UInt32BitsToSingle((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
        }
    }

    [Fact]
    public void Files_without_branches_build_the_folded_form()
    {
        GoldenCase c = Case("model_fastvit");
        Tensor x = c.Constant("x", Layout.ChannelsLast);
        Network network = PretrainedTests.NetworkOf(c);
        (ILayer model, ParameterStore store, _) = Load(network, c, Path.Combine(golden, "Torch", "fastvit_apple_fused.pth"));
        using ParameterStore owner = store;
        Near(c, model, x);
        Assert.Equal(File.ReadAllLines(Path.Combine(golden, "Torch", "fastvit_timm_fused.txt")).Where(static n => !n.EndsWith("num_batches_tracked", StringComparison.Ordinal)), Pretrained.Named(network, store, "timm").Tensors.Keys);
    }

    [Fact]
    public void A_ResNet_has_torchvision_s_logits()
    {
        Safetensors reference = Safetensors.Read(Path.Combine(golden, "Torch", "resnet.safetensors"));
        StoredTensor images = reference.Tensors["x"].Permute([0, 2, 3, 1]);
        Network network = new ResNetNetwork(new() { Depths = [1, 2], Width = 4 });
        (ILayer model, ParameterStore store, PretrainedReport report) = Pretrained.Load(network, Shape.Create(images.Shape.Dims[1..]), 5, Path.Combine(golden, "Torch", "resnet.pth"), device);
        using ParameterStore owner = store;
        Assert.Equal(("state_dict_ema", "timm"), (report.Part, report.Names));
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] expected = reference.Tensors["logits"].ToDoubles();
        double[] actual = model.Forward(Tensor.Of(Array.ConvertAll(images.ToDoubles(), static v => (float)v), images.Shape, device)).ToDoubles();
        Assert.All(expected.Zip(actual), p => Assert.InRange(Math.Abs(p.First - p.Second) / expected.Max(Math.Abs), 0, 1e-5));
    }

    [Fact]
    public void The_old_format_is_named_and_refused()
    {
        GoldenCase c = Case("model_convnext");
        Assert.Contains("before 1.6", Assert.Throws<InvalidDataException>(() => Load(PretrainedTests.NetworkOf(c), c, Path.Combine(golden, "Torch", "old_format.pth"))).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// 200 files, each one of PyTorch's with a byte of its pickle or of a storage of the weights changed, its end cut off, or the contents of two entries of one length exchanged:
    /// each is refused, with one line, little memory and the file's name. Every one counts, since every one differs in what checksums cover or in where the directory lies.
    /// </summary>
    [Fact]
    public void Corrupted_files_are_refused()
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(golden, "Torch"), "*.pth").Where(static f => !f.EndsWith("old_format.pth", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        string path = Path.Combine(folder.Path, "x.pth");
        RandomStream random = new(17, 0);
        for (int i = 0; i < 200; i++)
        {
            byte[] bytes = File.ReadAllBytes(files[i % files.Length]);
            List<Range> entries = Entries(files[i % files.Length], bytes);
            if (i % 3 == 0) bytes = bytes[..random.NextInt(bytes.Length)];
            else if (i % 3 == 1)
            {
                (int at, int length) = entries[i % 2 == 0 ? 0 : random.NextInt(entries.Count)].GetOffsetAndLength(bytes.Length);
                bytes[at + random.NextInt(length)] ^= (byte)(1 << random.NextInt(8));
            }
            else Exchange(bytes, entries, random);
            File.WriteAllBytes(path, bytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            string message = Assert.Throws<InvalidDataException>(() => WeightFile.Read(path)).Message;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Memory);
            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    /// <summary>Where the contents of the pickle, first, and of the storages of the weights lie; found by their contents.</summary>
    static List<Range> Entries(string file, byte[] bytes)
    {
        using ZipArchive archive = ZipFile.OpenRead(file);
        List<Range> ranges = [];
        HashSet<string> used = [.. TorchFile.Read(file).Values.Select(static t => Convert.ToHexString(t.Bytes.Span))];
        foreach (ZipArchiveEntry entry in archive.Entries.Where(static e => e.Length > 4).OrderByDescending(static e => e.FullName.EndsWith(".pkl", StringComparison.Ordinal)))
        {
            byte[] contents = new byte[entry.Length];
            using (Stream stream = entry.Open()) stream.ReadExactly(contents);
            if (!entry.FullName.EndsWith(".pkl", StringComparison.Ordinal) && !used.Contains(Convert.ToHexString(contents))) continue;
            int at = bytes.AsSpan().IndexOf(contents);
            if (bytes.AsSpan(at + 1).IndexOf(contents) < 0) ranges.Add(at..(at + contents.Length));
        }
        return ranges;
    }

    static void Exchange(byte[] bytes, List<Range> entries, RandomStream random)
    {
        (int Offset, int Length)[] all = [.. entries.Skip(1).Select(e => e.GetOffsetAndLength(bytes.Length))];
        (int Offset, int Length)[][] alike = [.. all.GroupBy(static e => e.Length).Where(static g => g.Count() > 1).Select(static g => g.ToArray())];
        (int Offset, int Length)[] some = alike[random.NextInt(alike.Length)];
        byte[] first = bytes.AsSpan(some[0].Offset, some[0].Length).ToArray();
        bytes.AsSpan(some[^1].Offset, first.Length).CopyTo(bytes.AsSpan(some[0].Offset));
        first.CopyTo(bytes.AsSpan(some[^1].Offset));
    }

    GoldenCase Case(string name) => new(Path.Combine(golden, name + ".safetensors"), DType.Float32, device);

    (ILayer, ParameterStore, PretrainedReport) Load(Network network, GoldenCase c, string path)
        => Pretrained.Load(network, Shape.Create([.. c.Ints("input_shape")[2..], c.Ints("input_shape")[1]]), c.Int("num_classes"), path, device);

    static void Near(GoldenCase c, ILayer model, Tensor x)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        double[] expected = c.Read("logits", Layout.Same).Values;
        Assert.All(expected.Zip(model.Forward(x).ToDoubles()), p => Assert.InRange(Math.Abs(p.First - p.Second) / Math.Max(0.1, expected.Max(Math.Abs)), 0, 1e-4));
    }

    static void Same(StoredTensor expected, StoredTensor actual)
        => Assert.Equal((expected.Type, expected.Shape, Convert.ToHexString(expected.Bytes.Span)), (actual.Type, actual.Shape, Convert.ToHexString(actual.Bytes.Span)));
}
