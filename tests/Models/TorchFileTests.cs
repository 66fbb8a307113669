using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Models;

/// <summary>Checkpoints of PyTorch: one written with Python's own pickler (Golden/make-checkpoint.py), and files that mean harm or are damaged.</summary>
public sealed class TorchFileTests : IDisposable
{
    const long Memory = 8 << 20;        // bytes that refusing a small file may take
    static readonly string golden = Path.Combine(AppContext.BaseDirectory, "Golden", "checkpoint.pth");

    readonly TemporaryFolder folder = new();

    string File => Path.Combine(folder.Path, "x.pth");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_averaged_weights_are_read_in_any_layout()
    {
        Dictionary<string, StoredTensor> all = TorchFile.Read(golden);
        Assert.Equal(["count", "dense", "half", "part", "tied", "transposed"], all.Keys.Order(StringComparer.Ordinal));
        Check("dense", "F32", [3, 4], [.. Enumerable.Range(0, 12).Select(static i => i / 2.0)]);
        Check("transposed", "F32", [4, 3], [0, 2, 4, 0.5, 2.5, 4.5, 1, 3, 5, 1.5, 3.5, 5.5]);
        Check("part", "F32", [2, 2], [2, 2.5, 4, 4.5]);
        Check("tied", "F32", [3, 4], all["dense"].ToDoubles());
        Check("count", "I64", [], [7]);
        Check("half", "F16", [2], [-2, 0.5]);
        Assert.True(MemoryMarshal.TryGetArray(all["dense"].Bytes, out ArraySegment<byte> one) & MemoryMarshal.TryGetArray(all["tied"].Bytes, out ArraySegment<byte> other));
        Assert.Equal((one.Array, one.Offset), (other.Array, other.Offset));

        void Check(string name, string type, int[] shape, double[] values)
        {
            Assert.Equal((type, Shape.Create(shape)), (all[name].Type, all[name].Shape));
            Assert.Equal(values, all[name].ToDoubles());
        }
    }

    [Fact]
    public void Another_part_can_be_asked_for()
    {
        Assert.Equal([0.5, 1], Assert.Single(TorchFile.Read(golden, "state_dict")).Value.ToDoubles());
        Assert.Contains("no 'model'; there is epoch, arch, args, optimizer, state_dict, state_dict_ema", Assert.Throws<InvalidDataException>(static () => TorchFile.Read(golden, "model")).Message, StringComparison.Ordinal);
    }

    /// <summary>Wherever a byte is changed or the file ends, it is refused in one line, or the change is in what means nothing (dates, flags) and the tensors are the same.</summary>
    [Fact]
    public void Damaged_files_are_refused_or_give_the_same_tensors()
    {
        byte[] whole = System.IO.File.ReadAllBytes(golden);
        Dictionary<string, StoredTensor> expected = TorchFile.Read(golden);
        RandomStream random = new(5, 0);
        int refused = 0;
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = i % 4 == 0 ? whole[..random.NextInt(whole.Length)] : [.. whole];
            if (i % 4 != 0) damaged[random.NextInt(whole.Length)] ^= (byte)(1 + random.NextInt(255));
            System.IO.File.WriteAllBytes(File, damaged);
            try
            {
                foreach ((string name, StoredTensor t) in TorchFile.Read(File)) Assert.Equal((expected[name].Shape, Convert.ToHexString(expected[name].Bytes.Span)), (t.Shape, Convert.ToHexString(t.Bytes.Span)));
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith(File, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }
        Assert.InRange(refused, 120, 200);
    }

    /// <summary>Pickles that run something, or claim more than there is; Latin-1 texts of their bytes.</summary>
    public static TheoryData<string, string> Hostile => new()
    {
        { "cos\nsystem\nX\x02\0\0\0ls\x85R.", "os.system" },
        { "cposix\nsystem\nX\x02\0\0\0ls\x85R.", "posix.system" },
        { "c__builtin__\neval\nX\x01\0\0\01\x85R.", "__builtin__.eval" },
        { "cbuiltins\ngetattr\n)R.", "builtins.getattr" },
        { "csubprocess\nPopen\n)\x81.", "subprocess.Popen" },
        { "\x8c\x02os\x8c\x06system\x93.", "os.system" },
        { "ctorch.hub\nload\n)R.", "torch.hub.load" },
        { "ctorch\nFloatStorage.__reduce__\n.", "torch.FloatStorage.__reduce__" },
        { "(X\x02\0\0\0lsios\nsystem\n.", "opcode 0x69" },
        { "(cos\nsystem\no.", "os.system" },
        { "\x82\x01.", "opcode 0x82" },
        { "\x97.", "opcode 0x97" },
        { "\x96\xff\xff\xff\xff\xff\xff\xff\x7f.", "opcode 0x96" },
        { "P0\n.", "opcode 0x50" },
        { "X\xff\xff\xff\x7f.", "ends too early" },
        { "B\xff\xff\xff\xff.", "ends too early" },
        { "cos", "ends too early" },
        { "}0.", "0 objects are left" },
        { "}}.", "2 objects are left" },
        { "R.", "stack is empty" },
        { "t.", "a mark is missing" },
        { "(R.", "stack is empty" },
        { "j\xff\xff\xff\x7f.", "nothing was remembered" },
        { "]q\0h\0a.", "holds no dictionary" },
        { "}X\x01\0\0\0xN.", "3 objects are left" },
        { "NNNs.", "no dictionary" },
        { "Na.", "stack is empty" },
        { "}K\x01Q.", "not described as PyTorch does" },
        { "ccollections\nOrderedDict\nN\x85R.", "neither a dictionary nor a tensor" },
        { "cbuiltins\neval\nX\x01\0\0\01\x85R.", "builtins.eval" },
        { "cbuiltins\ngetattr\ncos\nsystem\nX\x06\0\0\0system\x86R.", "builtins.getattr" },
        { "ctorch._utils\n_rebuild_tensor_v2\nctorch\nFloatStorage\n\x85R.", "neither a dictionary nor a tensor" },
        { "cargparse\nNamespace\n)R}X\x08\0\0\0__init__cos\nsystem\nsb.", "os.system" },
        { "\x8b\xff\xff\xff\x7f.", "opcode 0x8b" },
        { "\x8a\xff1.", "ends too early" },
        { "}q\0X\x05\0\0\0modelh\0s.", "holds no tensors by name" },
        { "]q\0" + string.Concat(Enumerable.Repeat("(h\0h\0h\0h\0tq\0", 2000)) + ".", "2001 objects are left" },
        { new string('(', 100_000) + ".", "objects are left" },
        { string.Concat(Enumerable.Repeat("]\x94", 20_000)) + new string('a', 19_999) + ".", "holds no dictionary" },
        { new string(')', 100_000) + string.Concat(Enumerable.Repeat("\x86", 99_999)) + ".", "holds no dictionary" },
        { "}X\x01\0\0\0xNsX\x01\0\0\0xNs.", "it has 'x' twice" },
        { "}X\x02\0\0\0\xc0\xafNs.", "Unable to translate" },
        { Tensor(4, 0, "K\x04", "K\x01").Replace("X\x01\0\0\0x", "X\x04\0\0\0x\xe2\x80\xae", StringComparison.Ordinal), "a tensor's name is 'x?'" },
        { Tensor(4, 0, "K\x04", "K\x01").Replace("X\x01\0\0\0x", "X\x03\0\0\0\u001b[A", StringComparison.Ordinal), "a tensor's name is '?[A'" },
        { Tensor(4, 0, "K\x04", "K\x01").Replace("X\x01\0\0\00", "X\x04\0\0\0../0", StringComparison.Ordinal), "storage ../0 is missing" },
        { Tensor(5, 0, "K\x05", "K\x01"), "storage of 20 bytes, there are 16" },
        { Tensor(4, 0, "K\x05", "K\x01"), "outside its storage" },
        { Tensor(4, 1, "K\x04", "K\x01"), "outside its storage" },
        { Tensor(4, 0, "J\xff\xff\xff\xff", "K\x01"), "has no size" },
        { Tensor(4, 0, "K\x02", "J\xff\xff\xff\xff"), "outside its storage" },
        { Tensor(4, 0, "J\xff\xff\xff\x7f", "K\0"), "outside its storage" },
        { Tensor(4, 0, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\x01"), "has no size" },
        { Tensor(4, 0, "X\x01\0\0\01", "K\x01"), "a size is no number" },
        { Tensor(4, 0, "K\x04", "K\x01").Replace("X\x01\0\0\00", "X\x01\0\0\09", StringComparison.Ordinal), "storage 9 is missing" },
        { Tensor(4, 0, "K\x04", "K\x01").Replace("FloatStorage", "ComplexDoubleStorage", StringComparison.Ordinal), "torch.ComplexDoubleStorage" },
    };

    /// <summary>{"x": a tensor over the storage "0"}.</summary>
    static string Tensor(byte storage, byte offset, string size, string stride)
        => $"}}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n((X\a\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\x03\0\0\0cpuK{(char)storage}tQK{(char)offset}{size}\x85{stride}\x85\x89}}tRs.";

    [Theory, MemberData(nameof(Hostile))]
    public void Hostile_pickles_are_refused(string pickle, string why)
    {
        Write(pickle, CompressionLevel.NoCompression);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.Throws<InvalidDataException>(() => TorchFile.Read(File)).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Memory);
        Assert.StartsWith(File, message, StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    /// <summary>The tensor that the hostile ones are made from is fine; compressed, as PyTorch never writes it, it is refused, however much it would become.</summary>
    [Fact]
    public void Bombs_are_not_unpacked()
    {
        string pickle = Tensor(4, 0, "K\x04", "K\x01");
        Write(pickle, CompressionLevel.NoCompression);
        Assert.Equal([0, 1, 2, 3], TorchFile.Read(File)["x"].ToDoubles());
        Write(pickle[..^1] + new string('0', 4 << 20), CompressionLevel.SmallestSize);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("is compressed", Assert.Throws<InvalidDataException>(() => TorchFile.Read(File)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    /// <summary>Archives whose entries lie, lead elsewhere, or would be read into more memory than the file has bytes.</summary>
    [Theory]
    [InlineData("../x/data.pkl", "it has an entry '../x/data.pkl'")]
    [InlineData("/etc/data.pkl", "it has an entry '/etc/data.pkl'")]
    [InlineData("c:\\x\\data.pkl", "it has an entry 'c:\\x\\data.pkl'")]
    [InlineData("x/\u202edata.pkl", "it has an entry 'x/?data.pkl'")]
    [InlineData("archive/data/0", "it has two entries of one name")]
    public void Entries_that_lead_elsewhere_are_refused(string entry, string why)
    {
        Write(Tensor(4, 0, "K\x04", "K\x01"), CompressionLevel.NoCompression);
        using (ZipArchive archive = ZipFile.Open(File, ZipArchiveMode.Update)) archive.CreateEntry(entry, CompressionLevel.NoCompression);
        Assert.EndsWith(why, Assert.Throws<InvalidDataException>(() => TorchFile.Read(File)).Message, StringComparison.Ordinal);
    }

    /// <summary>A thousand storages that are all the same bytes of the file: every entry of the directory but the first is pointed at the first one's contents.</summary>
    [Fact]
    public void Overlapping_entries_are_refused()
    {
        const int Count = 1000, Floats = 16384;
        string one = Tensor(4, 0, "K\x04", "K\x01").Replace("K\x04tQ", "M\0\x40tQ", StringComparison.Ordinal);
        string each = string.Concat(Enumerable.Range(100, Count).Select(i => one[1..^1].Replace("X\x01\0\0\0x", $"X\x03\0\0\0{(char)('a' + i / 260)}{i % 260 / 26}{(char)('a' + i % 26)}", StringComparison.Ordinal)
            .Replace("X\x01\0\0\00", $"X\x04\0\0\0{i:0000}", StringComparison.Ordinal)));
        using (ZipArchive archive = ZipFile.Open(File, ZipArchiveMode.Create))
        {
            Add("archive/data.pkl", Encoding.Latin1.GetBytes("}" + each + "."));
            for (int i = 0; i < Count; i++) Add($"archive/data/{100 + i:0000}", i == 0 ? new byte[4 * Floats] : []);

            void Add(string name, byte[] contents)
            {
                using Stream stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                stream.Write(contents);
            }
        }
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        int directory = BitConverter.ToInt32(bytes, bytes.Length - 6), first = -1;
        for (int at = directory; at < bytes.Length - 22; at += 46 + BitConverter.ToInt16(bytes, at + 28) + BitConverter.ToInt16(bytes, at + 30))
            if (!Encoding.Latin1.GetString(bytes, at + 46, BitConverter.ToInt16(bytes, at + 28)).Contains("/data/", StringComparison.Ordinal)) continue;
            else if (first < 0) first = at;
            else
            {
                bytes.AsSpan(first + 16, 12).CopyTo(bytes.AsSpan(at + 16));         // checksum and lengths
                bytes.AsSpan(first + 42, 4).CopyTo(bytes.AsSpan(at + 42));          // place
            }
        System.IO.File.WriteAllBytes(File, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.EndsWith("its storages overlap", Assert.Throws<InvalidDataException>(() => TorchFile.Read(File)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Memory);
    }

    void Write(string pickle, CompressionLevel level)
    {
        System.IO.File.Delete(File);
        using ZipArchive archive = ZipFile.Open(File, ZipArchiveMode.Create);
        Add("data.pkl", Encoding.Latin1.GetBytes(pickle));
        Add("data/0", MemoryMarshal.AsBytes<float>((float[])[0, 1, 2, 3]).ToArray());

        void Add(string name, byte[] contents)
        {
            using Stream to = archive.CreateEntry("archive/" + name, level).Open();
            to.Write(contents);
        }
    }
}
