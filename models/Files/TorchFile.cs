using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;

namespace MiniTorch.Models;

/// <summary>
/// The weights of a file that PyTorch's <c>torch.save</c> wrote (1.6 or later): a zip archive of a pickle and of the storages of its tensors. The pickle is read as data
/// (<see cref="Unpickler"/>), checksums are verified, and what the file says is checked against its length, so that a file from anywhere can be opened.
/// </summary>
public static class TorchFile
{
    /// <summary>Under which names training programs keep the weights, averaged ones first.</summary>
    static readonly string[] parts = ["state_dict_ema", "model_ema", "state_dict", "model", "module"];

    /// <summary>
    /// The tensors of the state dict by name: of the dictionary of that name, or, without one, of the first usual one there is, or of the file itself. Tensors that share a
    /// storage share memory here, too; others than dense ones are copied to be so. An <see cref="InvalidDataException"/> names the file and says what is wrong with it.
    /// </summary>
    public static Dictionary<string, StoredTensor> Read(string path, string? part = null) => Find(path, part).Tensors;

    /// <summary>The same, and the name of the dictionary that they were found in; null for the file itself.</summary>
    public static (string? Part, Dictionary<string, StoredTensor> Tensors) Find(string path, string? part = null)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using ZipArchive archive = new(file, ZipArchiveMode.Read);
            foreach (ZipArchiveEntry entry in archive.Entries) ExpectName(entry.FullName);
            if (archive.Entries.Select(static e => e.FullName).Distinct(StringComparer.Ordinal).Count() != archive.Entries.Count) throw new InvalidDataException("it has two entries of one name");
            ZipArchiveEntry pickle = archive.Entries.Where(static e => e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)).Take(2).ToArray() is [var only] ? only
                : throw new InvalidDataException("it is an archive without one data.pkl");
            string folder = pickle.FullName[..^"data.pkl".Length];
            if (archive.GetEntry(folder + "byteorder") is { } order && Contents(order, file).AsSpan().SequenceEqual("big"u8)) throw new InvalidDataException("its numbers are big-endian");
            if (Unpickler.Read(Contents(pickle, file)) is not Dictionary<string, object?> root) throw new InvalidDataException("it holds no dictionary");
            (string? found, Dictionary<string, object?> state) = Part(root, part);
            return (found, new Storages(archive, folder, file).Of(state));
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentException or NotSupportedException or OverflowException)
        {
            throw new InvalidDataException($"{path} is not a checkpoint of PyTorch that can be read: {Printable(e.Message)}", e);
        }
    }

    /// <summary>One line without what steers a terminal, which names of a file could bring into a message.</summary>
    static string Printable(string message) => string.Concat(message.Split('\n')[0].Trim().Select(static c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '?' : c));

    /// <summary>Nothing is written where the names of entries lead; PyTorch's lead nowhere else than into the archive.</summary>
    static void ExpectName(string name)
    {
        if (name.StartsWith('/') || name.Contains('\\', StringComparison.Ordinal) || name.Split('/').Contains("..") || Printable(name) != name) throw new InvalidDataException($"it has an entry '{name}'");
    }

    static (string? Part, Dictionary<string, object?> State) Part(Dictionary<string, object?> root, string? part)
    {
        if (part is not null && root.GetValueOrDefault(part) is not Dictionary<string, object?>) throw new InvalidDataException($"it has no '{part}'; there is {string.Join(", ", root.Keys.Take(20))}");
        string? found = part ?? parts.FirstOrDefault(p => root.GetValueOrDefault(p) is Dictionary<string, object?>);
        return (found, found is null ? root : (Dictionary<string, object?>)root[found]!);
    }

    /// <summary>An entry as it is; PyTorch compresses nothing, and what is not compressed is no longer than the file.</summary>
    static byte[] Contents(ZipArchiveEntry entry, FileStream file)
    {
        if (entry.Length != entry.CompressedLength || entry.Length > file.Length) throw new InvalidDataException($"{entry.FullName} is compressed, or longer than the file");
        byte[] contents = new byte[entry.Length];
        using (Stream stream = entry.Open()) stream.ReadExactly(contents);
        return Crc32.HashToUInt32(contents) == entry.Crc32 ? contents : throw new InvalidDataException($"{entry.FullName} is damaged: its checksum differs");
    }

    /// <summary>The storages of an archive, each read once.</summary>
    sealed class Storages(ZipArchive archive, string folder, FileStream file)
    {
        readonly Dictionary<string, byte[]> known = [];
        long copied, taken;

        internal Dictionary<string, StoredTensor> Of(Dictionary<string, object?> state)
        {
            Dictionary<string, StoredTensor> tensors = [];
            foreach ((string name, object? value) in state)
                if (value is PickledTensor tensor) tensors[Printable(name) == name ? name : throw new InvalidDataException($"a tensor's name is '{name}'")] = Dense(name, tensor);
            return tensors.Count > 0 ? tensors : throw new InvalidDataException("it holds no tensors by name");
        }

        StoredTensor Dense(string name, PickledTensor t)
        {
            int unit = t.Type switch { "F64" or "I64" => 8, "F32" or "I32" => 4, "F16" or "BF16" => 2, _ => 1 };
            if (t.Size.Length != t.Stride.Length || t.Size.Length > Limit || t.Size.Any(static s => s is < 0 or > int.MaxValue)) throw Bad("has no size");
            long count = t.Size.Aggregate(1L, static (product, s) => checked(product * s)), last = t.Offset;
            for (int d = 0; d < t.Size.Length; d++)
                if (count > 0) last = checked(last + (t.Size[d] - 1) * t.Stride[d]);
            if (t.Offset < 0 || t.Stride.Any(static s => s < 0) || count > t.StorageCount || (count > 0 ? last >= t.StorageCount : last > t.StorageCount)) throw Bad("lies outside its storage");
            byte[] storage = Storage(t.Storage);
            if (storage.Length != checked(t.StorageCount * unit)) throw Bad($"needs a storage of {t.StorageCount * unit} bytes, there are {storage.Length}");
            Shape shape = Shape.Create([.. t.Size.Select(static s => (int)s)]);
            return new(t.Type, shape, IsDense(t) ? storage.AsMemory((int)(t.Offset * unit), (int)(count * unit)) : Gathered(t, storage, count, unit));

            InvalidDataException Bad(string what) => new($"{name} {what}");
        }

        const int Limit = 8;            // dimensions
        const int Copies = 4;           // of the file, at most, for tensors that are not dense

        byte[] Storage(string key)
        {
            if (known.TryGetValue(key, out byte[]? contents)) return contents;
            ZipArchiveEntry entry = archive.GetEntry($"{folder}data/{key}") ?? throw new InvalidDataException($"its storage {key} is missing");
            if ((taken += entry.Length) > file.Length) throw new InvalidDataException("its storages overlap");
            return known[key] = Contents(entry, file);
        }

        static bool IsDense(PickledTensor t)
        {
            long stride = 1;
            for (int d = t.Size.Length - 1; d >= 0; stride *= t.Size[d--])
                if (t.Size[d] != 1 && t.Stride[d] != stride) return false;
            return true;
        }

        byte[] Gathered(PickledTensor t, byte[] storage, long count, int unit)
        {
            if ((copied += count * unit) > Copies * file.Length) throw new InvalidDataException("its tensors overlap in too many ways");
            byte[] dense = new byte[count * unit];
            long[] index = new long[t.Size.Length];
            long from = t.Offset;
            for (int i = 0; i < dense.Length; i += unit)
            {
                storage.AsSpan((int)(from * unit), unit).CopyTo(dense.AsSpan(i));
                for (int d = index.Length - 1; d >= 0; d--)
                {
                    from += t.Stride[d];
                    if (++index[d] < t.Size[d]) break;
                    from -= t.Size[d] * t.Stride[d];
                    index[d] = 0;
                }
            }
            return dense;
        }
    }
}
