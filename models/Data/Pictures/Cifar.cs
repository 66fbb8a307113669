using System.Security.Cryptography;

namespace MiniTorch.Models;

/// <summary>
/// CIFAR in its binary version: 32×32 colours, a record a picture of its label (of CIFAR-100 the coarse one, then the fine one, which is taken) and its red, green and blue plane. CIFAR-10 has data_batch_1.bin
/// to data_batch_5.bin and test_batch.bin, CIFAR-100 train.bin and test.bin; class names are in batches.meta.txt or fine_label_names.txt.
/// </summary>
public sealed class Cifar : IDataset
{
    const int Side = 32, Plane = Side * Side;

    readonly byte[] records;
    readonly int labelBytes;

    Cifar(string[] files, int labelBytes, string[] classes)
    {
        (this.labelBytes, Classes) = (labelBytes, classes);
        List<byte[]> parts = [];
        foreach (string file in files)
        {
            byte[] content = File.ReadAllBytes(file);
            if (content.Length == 0 || content.Length % Record != 0)
                throw new InvalidDataException($"{file} has {content.Length} bytes, which is no whole number of CIFAR's records of {Record}; copy or download it again");
            for (int i = labelBytes - 1; i < content.Length; i += Record)
                if (content[i] >= classes.Length) throw new InvalidDataException($"{file} has the class {content[i]} in record {i / Record}, there are {classes.Length}; is it CIFAR's binary version?");
            parts.Add(content);
        }
        records = [.. parts.SelectMany(static p => p)];
        Fingerprint = $"CIFAR, {Count} pictures, {classes.Length} classes, {Convert.ToHexStringLower(SHA256.HashData(records).AsSpan(0, 8))}";
    }

    int Record => labelBytes + 3 * Plane;

    /// <inheritdoc/>
    public int Count => records.Length / Record;

    /// <inheritdoc/>
    public Shape Sample { get; } = [Side, Side, 3];

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public string Fingerprint { get; }

    /// <inheritdoc/>
    public int Label(int index) => records[index * Record + labelBytes - 1];

    /// <inheritdoc/>
    public void Read(int index, Span<float> to)
    {
        ReadOnlySpan<byte> planes = records.AsSpan(index * Record + labelBytes, 3 * Plane);
        for (int i = 0; i < Plane; i++)
            for (int c = 0; c < 3; c++) to[3 * i + c] = planes[c * Plane + i] / 255f;
    }

    /// <summary>True if the folder has the first file of either set.</summary>
    internal static bool IsIn(string folder) => File.Exists(Path.Combine(folder, "data_batch_1.bin")) || File.Exists(Path.Combine(folder, "train.bin"));

    /// <summary>The training and test part of a folder; an <see cref="IOException"/> or <see cref="InvalidDataException"/> says what is missing or damaged.</summary>
    public static (Cifar Train, Cifar Test) From(string folder)
    {
        bool ten = File.Exists(Path.Combine(folder, "data_batch_1.bin"));
        string[] classes = Names(Path.Combine(folder, ten ? "batches.meta.txt" : "fine_label_names.txt"), ten ? 10 : 100);
        string[] train = ten ? [.. Enumerable.Range(1, 5).Select(static i => $"data_batch_{i}.bin")] : ["train.bin"], test = [ten ? "test_batch.bin" : "test.bin"];
        return (Part(train), Part(test));

        Cifar Part(string[] names)
        {
            foreach (string name in names)
                if (!File.Exists(Path.Combine(folder, name))) throw new FileNotFoundException($"{folder} has no {name}; take all files of CIFAR's binary version");
            return new([.. names.Select(n => Path.Combine(folder, n))], ten ? 1 : 2, classes);
        }
    }

    static string[] Names(string file, int count)
    {
        if (!File.Exists(file)) return [.. Enumerable.Range(0, count).Select(static i => i.ToString())];
        string[] names = [.. File.ReadAllLines(file).Where(static l => l.Length > 0)];
        return names.Length == count ? names : throw new InvalidDataException($"{file} names {names.Length} classes, wanted {count}");
    }
}
