using Google.Protobuf;
using MiniTorch.Models;
using MiniTorch.Tests.Parity;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Models;

/// <summary>The ONNX format, read with the wire format alone: what its messages must hold. Whether the numbers are right, ONNX Runtime says in its own project.</summary>
public sealed class OnnxFileTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly CpuDevice device = new(1);

    string File => Path.Combine(folder.Path, "x.onnx");

    public void Dispose()
    {
        device.Dispose();
        folder.Dispose();
    }

    /// <summary>Fields by number, as they come; a message is bytes.</summary>
    sealed class Message
    {
        readonly List<(int Number, object Value)> fields = [];

        internal Message(byte[] bytes)
        {
            using CodedInputStream input = new(bytes);
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
                fields.Add((WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag) switch
                {
                    WireFormat.WireType.Varint => input.ReadInt64(),
                    WireFormat.WireType.Fixed32 => (object)input.ReadFloat(),
                    WireFormat.WireType.Fixed64 => input.ReadDouble(),
                    _ => input.ReadBytes().ToByteArray(),
                }));
        }

        internal IEnumerable<Message> Messages(int number) => fields.Where(f => f.Number == number).Select(static f => new Message((byte[])f.Value));
        internal Message Inner(int number) => Messages(number).Single();
        internal string[] Texts(int number) => [.. fields.Where(f => f.Number == number).Select(static f => System.Text.Encoding.UTF8.GetString((byte[])f.Value))];
        internal long[] Wholes(int number) => [.. fields.Where(f => f.Number == number).Select(static f => (long)f.Value)];
        internal float Real(int number) => (float)fields.Single(f => f.Number == number).Value;
        internal byte[] Bytes(int number) => (byte[])fields.Single(f => f.Number == number).Value;
    }

    [Fact]
    public void A_file_holds_what_the_format_asks_for()
    {
        GoldenCase c = new(Path.Combine(AppContext.BaseDirectory, "Golden", "model_convnext_dcls_v0.safetensors"), DType.Float32, device);
        Dictionary<string, StoredTensor> state = ModelGolden.State(c);
        (ILayer model, ParameterStore store) = ParameterStore.Build(at => ConvNeXtGolden.Build(c, at), device, file: state);
        using ParameterStore owner = store;
        OnnxFile.Write(File, model, store, [64, 64, 3], "small", new Dictionary<string, string> { ["model"] = "small", ["mean"] = "0.5" });
        Message file = new(System.IO.File.ReadAllBytes(File)), graph = file.Inner(7), opset = file.Inner(8);
        Assert.Equal(8, Assert.Single(file.Wholes(1)));
        Assert.Equal(("", 17), (Assert.Single(opset.Texts(1)), Assert.Single(opset.Wholes(2))));
        Dictionary<string, string> metadata = file.Messages(14).ToDictionary(static m => m.Texts(1).Single(), static m => m.Texts(2).Single());
        Assert.Equal(("small", "0.5", "v0 7x7 of 5"), (metadata["model"], metadata["mean"], metadata["dcls"]));
        Assert.StartsWith("baked", metadata["dcls_form"], StringComparison.Ordinal);
        Assert.Equal("image [batch, 3, 64, 64]", Value(graph.Inner(11)));
        Assert.Equal("logits [batch, 10]", Value(graph.Inner(12)));
        CheckOrder(graph);
        CheckConvolutions(graph, state);
        Assert.False(System.IO.File.Exists(File + ".new"));
    }

    static string Value(Message value)
    {
        Message type = value.Inner(2).Inner(1);
        Assert.Equal(1, Assert.Single(type.Wholes(1)));
        Message[] sizes = [.. type.Inner(2).Messages(1)];
        return $"{value.Texts(1).Single()} [{sizes[0].Texts(2).Single()}, {string.Join(", ", sizes[1..].Select(static s => s.Wholes(1).Single()))}]";
    }

    /// <summary>Every value is made before it is taken, once, and every constant is taken.</summary>
    static void CheckOrder(Message graph)
    {
        HashSet<string> constants = [.. graph.Messages(5).Select(static t => t.Texts(8).Single())], known = [.. constants, "image"], taken = [];
        foreach (Message node in graph.Messages(1))
        {
            Assert.All(node.Texts(1), n => Assert.Contains(n, known));
            taken.UnionWith(node.Texts(1));
            Assert.True(known.Add(node.Texts(2).Single()));
        }
        Assert.Contains("logits", known);
        Assert.Subset(taken, constants);
    }

    /// <summary>Nine convolutions: four that downsample, whose kernels are the file's own, and one a block, with the kernel that the taps draw, which sums up to the sum of the weights that lie inside.</summary>
    static void CheckConvolutions(Message graph, Dictionary<string, StoredTensor> state)
    {
        Dictionary<string, Message> constants = graph.Messages(5).ToDictionary(static t => t.Texts(8).Single());
        Message[] convolutions = [.. graph.Messages(1).Where(static n => n.Texts(4).Single() == "Conv")];
        Assert.Equal(9, convolutions.Length);
        foreach (Message node in convolutions)
        {
            Dictionary<string, Message> attributes = node.Messages(5).ToDictionary(static a => a.Texts(1).Single());
            Message kernel = constants[node.Texts(1)[1]];
            Assert.Equal(kernel.Wholes(1)[2..], attributes["kernel_shape"].Wholes(8));
            Assert.Equal((7, 2), (attributes["kernel_shape"].Wholes(20).Single(), attributes["group"].Wholes(20).Single()));
            if (state.TryGetValue(node.Texts(1)[1], out StoredTensor? own)) Assert.Equal(Convert.ToHexString(own.Bytes.Span), Convert.ToHexString(kernel.Bytes(9)));
            else
            {
                Assert.Equal(kernel.Wholes(1)[0], attributes["group"].Wholes(3).Single());
                Assert.Equal([1L, 7, 7], kernel.Wholes(1)[1..]);
                Assert.Equal([3L, 3, 3, 3], attributes["pads"].Wholes(8));
            }
        }
        Assert.Equal(1e-6f, graph.Messages(1).First(static n => n.Texts(4).Single() == "LayerNormalization").Messages(5).Single(static a => a.Texts(1).Single() == "epsilon").Real(2));
    }

    [Fact]
    public void What_cannot_be_written_is_named()
    {
        (ILayer model, ParameterStore store) = ParameterStore.Build(static at => new Conv2d(at, 1, 2, 3, padding: 1, mode: MiniTorch.Ops.PaddingMode.Reflect), device);
        using ParameterStore owner = store;
        Assert.Contains("cannot be exported to ONNX", Assert.Throws<ArgumentException>(() => OnnxFile.Write(File, model, store, [8, 8, 1], "padded", new Dictionary<string, string>())).Message, StringComparison.Ordinal);
        Assert.False(System.IO.File.Exists(File));
    }

    /// <summary>Numbers and texts of the examples in the documentation of the wire format: 150 as field 1 is 08 96 01, "testing" as field 2 is 12 07 and its letters.</summary>
    [Fact]
    public void Bytes_are_those_of_the_wire_format()
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true)) new ProtoMessage().Add(1, 150L).Add(2, "testing").Add(3, new ProtoMessage().Add(1, 150L)).Add(4, 1f).Add(5, -1L).Add(6, 1.0).Write(output);
        Assert.Equal("089601" + "120774657374696E67" + "1A03089601" + "250000803F" + "28FFFFFFFFFFFFFFFFFF01" + "31000000000000F03F", Convert.ToHexString(stream.ToArray()));
    }
}
