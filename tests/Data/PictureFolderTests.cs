using MiniTorch.Models;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Data;

/// <summary>Folders of pictures in every layout, and pictures that cannot be read.</summary>
public sealed class PictureFolderTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A grey bitmap of 6×4 under a name below the folder.</summary>
    string Put(string name, byte grey)
    {
        string path = Path.Combine(folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        SmallBitmap.Write(path, 6, 4, (_, _) => grey);
        return path;
    }

    static byte[] Greys(IDataset data)
    {
        float[] sample = new float[data.Sample.Count];
        return [.. Enumerable.Range(0, data.Count).Select(i =>
        {
            data.Read(i, sample);
            Assert.All(sample, v => Assert.Equal(sample[0], v));
            return (byte)MathF.Round(255 * sample[0]);
        })];
    }

    static int[] Labels(IDataset data) => [.. Enumerable.Range(0, data.Count).Select(data.Label)];

    [Theory]
    [InlineData("val")]
    [InlineData("test")]
    [InlineData("validation")]
    public void Class_folders_of_both_parts(string held)
    {
        Put("train/zebra/b.bmp", 10);
        Put("train/zebra/a.bmp", 11);
        Put("train/Ape/deep/c.BMP", 12);
        Put("train/Ape/.hidden/d.txt", 13);
        Put($"{held}/zebra/x.bmp", 14);
        Directory.CreateDirectory(Path.Combine(folder.Path, held, "Ape"));
        (IDataset train, IDataset test) = Pictures.Open(folder.Path, 8);
        Assert.Equal(["Ape", "zebra"], train.Classes);
        Assert.Equal([8, 8, 3], train.Sample);
        Assert.Equal([12, 11, 10], Greys(train));
        Assert.Equal([0, 1, 1], Labels(train));
        Assert.Equal([14], Greys(test));
        Assert.Equal([1], Labels(test));
        Put($"{held}/yak/x.bmp", 14);
        Assert.Contains("class yak", Assert.Throws<InvalidDataException>(() => Pictures.Open(folder.Path, 8)).Message);
    }

    [Fact]
    public void Every_fifth_of_a_class_is_held_out_where_parts_are_not_named()
    {
        for (byte i = 0; i < 11; i++) Put($"one/{i:00}.bmp", i);
        for (byte i = 0; i < 5; i++) Put($"two/{i:00}.bmp", (byte)(100 + i));
        (IDataset train, IDataset test) = Pictures.Open(folder.Path, 4);
        Assert.Equal([4, 9, 104], Greys(test));
        Assert.Equal([0, 1, 2, 3, 5, 6, 7, 8, 10, 100, 101, 102, 103], Greys(train));
        Assert.NotEqual(train.Fingerprint, test.Fingerprint);
        string before = train.Fingerprint;
        File.Move(Path.Combine(folder.Path, "one/10.bmp"), Path.Combine(folder.Path, "one/11.bmp"));
        Assert.NotEqual(before, Pictures.Open(folder.Path, 4).Train.Fingerprint);
    }

    [Fact]
    public void Lists_name_paths_labels_and_parts()
    {
        Put("a.bmp", 1);
        Put("b, or not.bmp", 2);
        Put("sub/c.bmp", 3);
        string list = Path.Combine(folder.Path, "list.csv");
        File.WriteAllText(list, "label,path,split,who\ncat,a.bmp,train,me\ndog,\"b, or not.bmp\",test,\"a \"\"b\"\"\"\n\ndog,sub/c.bmp,train,\n");
        (IDataset train, IDataset test) = Pictures.Open(folder.Path, 4);
        Assert.Equal(["cat", "dog"], train.Classes);
        Assert.Equal(([1, 3], [0, 1]), (Greys(train), Labels(train)), static (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2));
        Assert.Equal([2], Greys(Pictures.Open(list, 4).Test));
        Assert.Equal([1], Labels(test));

        File.WriteAllText(list, "path,label\n" + string.Concat(Enumerable.Repeat("a.bmp,x\n", 5)));
        Assert.Equal((4, 1), (Pictures.Open(list, 4).Train.Count, Pictures.Open(list, 4).Test.Count));
        foreach ((string text, string said) in (ReadOnlySpan<(string, string)>)[("name,label\n", "'name,label'"), ("path,label\na\n", "1 fields"), ("path,label,split\na,b,c\n", "split 'c'"), ("path,label\n\"a,b\n", "quote"),
            ("path,label\n", "lists no picture"), ("path,label,split\na,b,train\n", "of test or val")])
        {
            File.WriteAllText(list, text);
            Assert.Contains(said, Assert.Throws<InvalidDataException>(() => Pictures.Open(folder.Path, 4)).Message);
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void Cifar_is_read_in_its_binary_version(int classes)
    {
        int labels = classes == 10 ? 1 : 2;
        byte[] record = new byte[labels + 3072];
        (record[labels - 1], record[labels], record[labels + 1024 + 33], record[^1]) = ((byte)(classes - 1), 255, 51, 102);
        foreach (string name in classes == 10 ? (string[])[.. Enumerable.Range(1, 5).Select(static i => $"data_batch_{i}.bin"), "test_batch.bin"] : ["train.bin", "test.bin"])
            File.WriteAllBytes(Path.Combine(folder.Path, name), [.. record, .. new byte[record.Length]]);
        File.WriteAllLines(Path.Combine(folder.Path, classes == 10 ? "batches.meta.txt" : "fine_label_names.txt"), Enumerable.Range(0, classes).Select(static i => $"name {i}"));
        (IDataset train, IDataset test) = Pictures.Open(folder.Path);
        Assert.Equal((classes == 10 ? 10 : 2, 2), (train.Count, test.Count));
        Assert.Equal($"name {classes - 1}", test.Classes[test.Label(0)]);
        Assert.Equal(0, test.Label(1));
        float[] sample = new float[3072];
        test.Read(0, sample);
        Assert.Equal([(0, 1f), (3 * 33 + 1, 0.2f), (3071, 0.4f)], sample.Index().Where(static v => v.Item > 0));
        File.WriteAllBytes(Path.Combine(folder.Path, classes == 10 ? "test_batch.bin" : "test.bin"), record[1..]);
        Assert.Contains("whole number", Assert.Throws<InvalidDataException>(() => Pictures.Open(folder.Path)).Message);
    }

    [Fact]
    public void Idx_files_are_recognised_and_nothing_is_explained()
    {
        Assert.Contains("layout", Assert.Throws<InvalidDataException>(() => Pictures.Open(folder.Path)).Message);
        Directory.CreateDirectory(Path.Combine(folder.Path, "words"));
        Assert.Contains("no pictures", Assert.Throws<InvalidDataException>(() => Pictures.Open(folder.Path)).Message);
        Assert.Contains("does not exist", Assert.Throws<DirectoryNotFoundException>(() => Pictures.Open(Path.Combine(folder.Path, "missing"))).Message);
        SmallIdx.Write(folder.Path, 20, 10);
        (IDataset train, IDataset test) = Pictures.Open(folder.Path);
        Assert.Equal((20, 10), (train.Count, test.Count));
        Assert.Throws<ArgumentException>(() => Pictures.Open(folder.Path, 32));
    }

    /// <summary>Of every kind of damage, one among good ones.</summary>
    void Damage(int good)
    {
        string golden = Path.Combine(AppContext.BaseDirectory, "Golden", "Pictures");
        byte[] png = File.ReadAllBytes(Path.Combine(golden, "rgb.png")), jpeg = File.ReadAllBytes(Path.Combine(golden, "rgb444.jpg"));
        for (int i = 0; i < good; i++) Put($"all/{i:000}.bmp", (byte)i);
        Directory.CreateDirectory(Path.Combine(folder.Path, "all"));
        byte[] huge = [.. png];
        (huge[16], huge[17], huge[20], huge[21]) = (0, 1, 0, 1);          // 65,559 × 65,553
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(huge.AsSpan(29), Crc(huge.AsSpan(12, 17)));
        foreach ((string name, byte[] content) in (ReadOnlySpan<(string, byte[])>)[("010a empty.png", []), ("010b half.png", png[..(png.Length / 2)]), ("020a half.jpg", jpeg[..(jpeg.Length / 2)]), ("030a text.jpg", "hello"u8.ToArray()),
            ("040a huge.png", huge), ("050a svg.png", "<svg/>"u8.ToArray())])
            File.WriteAllBytes(Path.Combine(folder.Path, "all", name), content);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "all", "060a gone.png"), "nowhere");
    }

    static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1) * 0xEDB88320;
        }
        return ~crc;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Unreadable_pictures_are_named_once_and_the_next_good_one_takes_their_place(int workers)
    {
        Damage(100);
        File.WriteAllText(Path.Combine(folder.Path, "list.csv"), "path,label,split\n" + string.Concat(Directory.GetFiles(Path.Combine(folder.Path, "all")).Order(StringComparer.Ordinal).Select(f => $"{f},{(f.Contains('a', StringComparison.Ordinal) ? "a" : "b")},train\n"))
            + "x,b,test\n");
        IDataset train = Pictures.Open(folder.Path, 4).Train;
        List<string> told = [];
        using Loader loader = new(train, new(10) { Workers = workers }) { Unreadable = u => told.Add(u.Message) };
        for (int epoch = 0; epoch < 2; epoch++)
        {
            byte[] greys = [.. loader.Epoch(epoch).SelectMany(static b => b.Images.ToArray<float>()).Chunk(48).Select(static s => (byte)MathF.Round(255 * s[0]))];
            Assert.Equal(107, greys.Length);
            byte[] expected = [.. Enumerable.Range(0, 100).SelectMany(static i => Enumerable.Repeat((byte)i, i switch { 11 => 3, 21 or 31 or 41 or 51 or 61 => 2, _ => 1 }))];
            Assert.Equal(expected, greys);
        }
        Assert.Equal(7, told.Count);
        foreach (string said in (string[])["010a empty.png is not read: it is empty", "010b half.png is not read: it is truncated", "020a half.jpg is not read: it is truncated", "030a text.jpg is not read: it is not a PNG",
            "040a huge.png is not read: it says to be 65559x65553", "050a svg.png is not read: it is an SVG", "060a gone.png is not read: it cannot be opened"])
            Assert.Contains(told, t => t.Contains(said, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Too_many_stop_the_epoch_at_the_same_place(int workers)
    {
        for (int i = 0; i < 40; i++) Put($"all/{i:000}.bmp", (byte)i);
        for (int i = 20; i < 34; i++) File.WriteAllText(Path.Combine(folder.Path, "all", $"{i:000}.bmp"), "");
        using Loader loader = new(Pictures.Open(folder.Path, 4).Train, new(4) { Workers = workers });
        int batches = 0;
        InvalidDataException e = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (Batch _ in loader.Epoch()) batches++;
        });
        Assert.Equal(4, batches);          // the first bad one of the fifth looks for the next good one beyond all others
        Assert.Contains("11 of 32 pictures cannot be read, more than the 10 that are allowed", e.Message);
        Assert.Contains("032.bmp", e.Message);
    }
}
