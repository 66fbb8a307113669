using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MiniTorch;

/// <summary>One tensor of a file, on the host: element type as the file spells it, sizes, raw little-endian bytes.</summary>
public sealed record StoredTensor(string Type, Shape Shape, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The elements as doubles, whatever their stored type (F64, F32, F16, BF16, I64, I32, U8, BOOL).</summary>
    public double[] ToDoubles()
    {
        double[] v = new double[Shape.Count];
        ReadOnlySpan<byte> b = Bytes.Span;
        for (int i = 0; i < v.Length; i++)
            v[i] = Type switch
            {
                "F64" => BinaryPrimitives.ReadDoubleLittleEndian(b[(8 * i)..]),
                "F32" => BinaryPrimitives.ReadSingleLittleEndian(b[(4 * i)..]),
                "F16" => (double)BinaryPrimitives.ReadHalfLittleEndian(b[(2 * i)..]),
                "BF16" => BFloat16.FromBits(BinaryPrimitives.ReadUInt16LittleEndian(b[(2 * i)..])),
                "I64" => BinaryPrimitives.ReadInt64LittleEndian(b[(8 * i)..]),
                "I32" => BinaryPrimitives.ReadInt32LittleEndian(b[(4 * i)..]),
                _ => b[i],
            };
        return v;
    }

    /// <summary>The same tensor with its dimensions taken in another order: dimension d of the result is dimension order[d] of this one.</summary>
    public StoredTensor Permute(ReadOnlySpan<int> order)
    {
        int rank = Shape.Rank, size = Shape.Count == 0 ? 0 : (int)(Bytes.Length / Shape.Count);
        Span<int> strides = stackalloc int[rank], dims = stackalloc int[rank], index = stackalloc int[rank];
        int stride = size;
        for (int d = rank - 1; d >= 0; stride *= Shape[d--]) strides[d] = stride;
        for (int d = 0; d < rank; d++) dims[d] = Shape[order[d]];
        byte[] to = new byte[Bytes.Length];
        ReadOnlySpan<byte> from = Bytes.Span;
        index.Clear();
        for (int i = 0; i < to.Length; i += size)
        {
            int at = 0;
            for (int d = 0; d < rank; d++) at += index[d] * strides[order[d]];
            from.Slice(at, size).CopyTo(to.AsSpan(i));
            for (int d = rank - 1; d >= 0 && ++index[d] == dims[d]; d--) index[d] = 0;
        }
        return new(Type, MiniTorch.Shape.Create(dims), to);
    }

    /// <summary>A host copy of a tensor, under the same type and shape.</summary>
    public static StoredTensor Of(Tensor x) => x.DType switch
    {
        DType.Float32 => new("F32", x.Shape, MemoryMarshal.AsBytes(x.ToArray<float>().AsSpan()).ToArray()),
        DType.Float64 => new("F64", x.Shape, MemoryMarshal.AsBytes(x.ToArray<double>().AsSpan()).ToArray()),
        DType.BFloat16 => new("BF16", x.Shape, MemoryMarshal.AsBytes(x.ToArray<BFloat16>().AsSpan()).ToArray()),
        _ => new("I32", x.Shape, MemoryMarshal.AsBytes(x.ToArray<int>().AsSpan()).ToArray()),
    };
}

/// <summary>
/// The safetensors format: 8-byte little-endian header length, JSON header (name → dtype, shape, data_offsets; "__metadata__" → strings), data.
/// Writing goes to a file beside and renames it, so a reader never sees half a file and a crash loses nothing.
/// </summary>
public sealed class Safetensors
{
    const int MaxHeader = 100_000_000;

    /// <summary>Tensors by name.</summary>
    public SortedDictionary<string, StoredTensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Free text beside the tensors.</summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads a whole file; an <see cref="InvalidDataException"/> names the file and says what is wrong with it.</summary>
    public static Safetensors Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        InvalidDataException Bad(string why) => new($"{path} is not a valid safetensors file: {why}");
        if (file.Length < 8) throw Bad($"{file.Length} bytes is too short");
        long length = BinaryPrimitives.ReadInt64LittleEndian(file);
        if (length is < 2 or > MaxHeader || length > file.Length - 8) throw Bad("the header is longer than the file; it may be truncated");
        Safetensors result = new();
        long start = 8 + length, size = file.Length - start;
        try
        {
            using JsonDocument header = JsonDocument.Parse(file.AsMemory(8, (int)length));
            foreach (JsonProperty entry in header.RootElement.EnumerateObject())
            {
                if (entry.Name == "__metadata__")
                {
                    foreach (JsonProperty text in entry.Value.EnumerateObject()) result.Metadata[text.Name] = text.Value.GetString() ?? "";
                    continue;
                }
                string type = entry.Value.GetProperty("dtype").GetString() ?? "";
                int[] dims = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(static d => d.GetInt32())];
                long from = entry.Value.GetProperty("data_offsets")[0].GetInt64(), to = entry.Value.GetProperty("data_offsets")[1].GetInt64();
                Shape shape = Shape.Create(dims);
                if (from < 0 || to < from || to > size) throw Bad($"{entry.Name} lies outside the file; it may be truncated");
                if (to - from != shape.Count * SizeOf(type)) throw Bad($"{entry.Name} of {type}{shape} needs {shape.Count * SizeOf(type)} bytes, has {to - from}");
                result.Tensors[entry.Name] = new(type, shape, file.AsMemory((int)(start + from), (int)(to - from)));
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or TensorException)
        {
            throw Bad(e.Message);
        }
        return result;

        int SizeOf(string type) => type switch
        {
            "F64" or "I64" or "U64" => 8,
            "F32" or "I32" or "U32" => 4,
            "F16" or "BF16" or "I16" or "U16" => 2,
            "I8" or "U8" or "BOOL" => 1,
            _ => throw Bad($"unknown dtype '{type}'"),
        };
    }

    /// <summary>Writes the file beside its place, flushes it to the disk and renames it.</summary>
    public void Write(string path)
    {
        ArrayBufferWriter<byte> header = new();
        using (Utf8JsonWriter json = new(header))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string name, string text) in Metadata) json.WriteString(name, text);
                json.WriteEndObject();
            }
            long at = 0;
            foreach ((string name, StoredTensor tensor) in Tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", tensor.Type);
                json.WriteStartArray("shape");
                foreach (int d in tensor.Shape) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += tensor.Bytes.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        int padding = -header.WrittenCount & 7;                 // data starts on a multiple of 8
        header.Write(Encoding.ASCII.GetBytes(new string(' ', padding)));
        WholeFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.WrittenCount);
            stream.Write(length);
            stream.Write(header.WrittenSpan);
            foreach (StoredTensor tensor in Tensors.Values) stream.Write(tensor.Bytes.Span);
        });
    }
}
