using System.Buffers.Binary;
using System.Text;

namespace MiniTorch.Tests.Engine;

public sealed class SafetensorsTests : IDisposable
{
    readonly string path = Path.Combine(Path.GetTempPath(), $"minitorch-{Guid.NewGuid():n}.safetensors");

    public void Dispose() => File.Delete(path);

    [Fact]
    public void What_is_written_is_read_back()
    {
        Safetensors file = new();
        file.Metadata["epoch"] = "3 \"quoted\" ü";
        file.Tensors["b"] = StoredTensor.Of(Tensor.Of([1f, -2.5f, float.NaN], [3]));
        file.Tensors["a.weight"] = StoredTensor.Of(Tensor.Of([1.0, double.Epsilon], [2, 1]));
        file.Tensors["empty"] = StoredTensor.Of(Tensor.Of(Array.Empty<float>(), [0, 4]));
        file.Tensors["half"] = StoredTensor.Of(Tensor.Of([(BFloat16)1.5f, (BFloat16)(-1e-40f)], [2]));
        file.Tensors["labels"] = StoredTensor.Of(Tensor.Of([int.MinValue, 7], [2]));
        file.Write(path);
        Safetensors back = Safetensors.Read(path);
        Assert.Equal(file.Metadata, back.Metadata);
        Assert.Equal(file.Tensors.Keys, back.Tensors.Keys);
        foreach ((string name, StoredTensor t) in file.Tensors)
        {
            Assert.Equal((t.Type, t.Shape), (back.Tensors[name].Type, back.Tensors[name].Shape));
            Assert.Equal(t.Bytes.ToArray(), back.Tensors[name].Bytes.ToArray());
        }
        Assert.Equal("BF16", back.Tensors["half"].Type);
        Assert.Equal([0xC0, 0x3F, 0x01, 0x80], back.Tensors["half"].Bytes.ToArray());
        Assert.Equal([1.5, -9.183549615799121e-41], back.Tensors["half"].ToDoubles());
        Assert.False(File.Exists(path + ".new"));
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        Safetensors file = new();
        file.Tensors["x"] = StoredTensor.Of(Tensor.Of([1f, 2f], [1, 2]));
        file.Write(path);
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal("""{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}""", Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], bytes[(8 + length)..]);
    }

    [Fact]
    public void Every_cut_of_a_file_is_refused_by_name()
    {
        Safetensors file = new();
        file.Tensors["x"] = StoredTensor.Of(Tensor.Of([1f, 2f, 3f], [3]));
        file.Write(path);
        byte[] whole = File.ReadAllBytes(path);
        for (int n = 0; n < whole.Length; n++)
        {
            File.WriteAllBytes(path, whole[..n]);
            Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Safetensors.Read(path)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"x":{"shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""[1, 2]""")]
    [InlineData("""not json""")]
    public void A_wrong_header_is_refused(string header)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(path, [.. length, .. text, 0, 0, 0, 0]);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Safetensors.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Permute_takes_dimensions_in_another_order()
    {
        StoredTensor t = StoredTensor.Of(Tensor.Of([0, 1, 2, 3, 4, 5], [2, 3]));
        Assert.Equal([0, 3, 1, 4, 2, 5], t.Permute([1, 0]).ToDoubles());
        Assert.Equal(t.Bytes.ToArray(), t.Permute([1, 0]).Permute([1, 0]).Bytes.ToArray());
    }
}
