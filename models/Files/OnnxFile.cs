using Google.Protobuf;

namespace MiniTorch.Models;

/// <summary>
/// A network as an ONNX file, for other programs: input "image" [batch, c, h, w], output "logits" [batch, classes], both of 32-bit floats and of any batch. Norms take their running
/// statistics, nothing is dropped, and the kernels of DCLS layers are drawn once and for all into ordinary convolutions.
/// </summary>
public static class OnnxFile
{
    const int Opset = 17, Format = 8;           // LayerNormalization came with 17; 8 is the version of the format that has it
    const int Float = 1, Int64 = 7;             // element types

    enum Kind { Real = 1, Whole = 2, Wholes = 7 }

    /// <summary>
    /// Writes a network for images [h, w, c] beside its place and renames it. The metadata says what it is given, and how the DCLS layers were made ordinary ones. An
    /// <see cref="ArgumentException"/> names an operation that the format is not written for.
    /// </summary>
    public static void Write(string path, ILayer model, ParameterStore store, Shape sample, string name, IReadOnlyDictionary<string, string> metadata)
    {
        Ops.Statistics? before = store.Statistics;
        store.Statistics = Ops.Statistics.Running;
        try
        {
            OnnxGraph graph = OnnxGraph.Of(model.Forward, sample, store.Device, store.All);
            ProtoMessage file = Message(graph, name, sample, [.. metadata, .. Layers(store)]);
            WholeFile.Write(path, stream =>
            {
                using CodedOutputStream output = new(stream, leaveOpen: true);
                file.Write(output);
            });
        }
        catch (Exception e) when (e is TensorException or OverflowException)
        {
            throw new ArgumentException(e is OverflowException ? $"{name} is larger than the 2 GiB that an ONNX file can have" : $"{name} cannot be written as ONNX: {e.Message}", e);
        }
        finally
        {
            store.Statistics = before;
        }
    }

    static IEnumerable<KeyValuePair<string, string>> Layers(ParameterStore store)
    {
        string[] forms = [.. store.Constrained.OfType<Dcls>().Select(static d => $"{d.Version.Version} {string.Join('x', d.DilatedKernelSize)} of {d.KernelCount}").Distinct()];
        return forms.Length == 0 ? [] : [new("dcls", string.Join(", ", forms)), new("dcls_form", "baked: each layer is an ordinary convolution with the kernel that its taps draw")];
    }

    static ProtoMessage Message(OnnxGraph graph, string name, Shape sample, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        ProtoMessage body = new();
        foreach (OnnxNode node in graph.Nodes) body.Add(1, Node(node));
        body.Add(2, name);
        foreach ((string constant, StoredTensor tensor) in graph.Constants) body.Add(5, Constant(constant, tensor));
        body.Add(11, Value(OnnxGraph.Input, sample[2], sample[0], sample[1])).Add(12, Value(OnnxGraph.Output, graph.Outputs));
        ProtoMessage file = new ProtoMessage().Add(1, Format).Add(2, "MiniTorch.Dcls").Add(7, body).Add(8, new ProtoMessage().Add(1, "").Add(2, Opset));
        foreach ((string key, string text) in metadata) file.Add(14, new ProtoMessage().Add(1, key).Add(2, text));
        return file;
    }

    static ProtoMessage Node(OnnxNode node)
    {
        ProtoMessage message = new();
        foreach (string input in node.Inputs) message.Add(1, input);
        message.Add(2, node.Output).Add(3, node.Output).Add(4, node.Operation);
        foreach (OnnxAttribute a in node.Attributes)
        {
            ProtoMessage attribute = new ProtoMessage().Add(1, a.Name);
            if (a.Real is { } real) attribute.Add(2, (float)real);
            if (a.Whole is { } number) attribute.Add(3, number);
            foreach (long whole in a.Wholes ?? []) attribute.Add(8, whole);
            message.Add(5, attribute.Add(20, (long)(a.Real is not null ? Kind.Real : a.Whole is not null ? Kind.Whole : Kind.Wholes)));
        }
        return message;
    }

    static ProtoMessage Constant(string name, StoredTensor tensor)
    {
        ProtoMessage message = new();
        foreach (int size in tensor.Shape) message.Add(1, size);
        return message.Add(2, tensor.Type == "I64" ? Int64 : Float).Add(8, name).Add(9, tensor.Bytes);
    }

    /// <summary>A tensor of floats whose first size is the batch.</summary>
    static ProtoMessage Value(string name, params ReadOnlySpan<int> sizes)
    {
        ProtoMessage shape = new ProtoMessage().Add(1, new ProtoMessage().Add(2, "batch"));
        foreach (int size in sizes) shape.Add(1, new ProtoMessage().Add(1, size));
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, new ProtoMessage().Add(1, Float).Add(2, shape)));
    }
}
