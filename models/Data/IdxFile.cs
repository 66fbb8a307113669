using System.Buffers.Binary;
using System.IO.Compression;

namespace MiniTorch.Models;

/// <summary>
/// The IDX format of MNIST and its kin, plain or gzipped: two zero bytes, element type (8: unsigned byte), number of dimensions, big-endian sizes, data.
/// </summary>
public sealed class IdxFile
{
    const int MaxDimensions = 4;

    IdxFile(int[] sizes, byte[] data) => (Sizes, Data) = (sizes, data);

    /// <summary>Sizes of the dimensions: [count, h, w] for images, [count] for labels.</summary>
    public IReadOnlyList<int> Sizes { get; }

    /// <summary>The elements, the last dimension fastest.</summary>
    public byte[] Data { get; }

    /// <summary>Reads a file; an <see cref="InvalidDataException"/> names it, says what is wrong and what to do.</summary>
    public static IdxFile Read(string path, int dimensions)
    {
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path, dimensions);
    }

    /// <summary>Reads a stream that messages call <paramref name="name"/>.</summary>
    public static IdxFile Read(Stream stream, string name, int dimensions)
    {
        using MemoryStream content = new();
        try
        {
            Span<byte> magic = stackalloc byte[2];
            bool zipped = stream.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1F, 0x8B];
            stream.Position = 0;
            if (zipped)
            {
                using GZipStream unzipped = new(stream, CompressionMode.Decompress);
                unzipped.CopyTo(content);
            }
            else stream.CopyTo(content);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{name} is a damaged gzip file ({e.Message.TrimEnd('.')}); copy or download it again", e);
        }
        return Parse(content.GetBuffer().AsSpan(0, (int)content.Length), name, dimensions);
    }

    static IdxFile Parse(ReadOnlySpan<byte> file, string name, int dimensions)
    {
        if (file.Length < 4 || file[0] != 0 || file[1] != 0 || file[3] is 0 or > MaxDimensions)
            throw new InvalidDataException($"{name} is not an IDX file: it begins with {Convert.ToHexString(file[..Math.Min(4, file.Length)])}, wanted 000008{dimensions:X2}; "
                + "is it another file under this name?");
        if (file[2] != 8) throw new InvalidDataException($"{name} holds IDX elements of type {file[2]:X2}, only 08 (unsigned bytes) is read; convert it");
        if (file[3] != dimensions)
            throw new InvalidDataException($"{name} has {file[3]} dimensions, wanted {dimensions} ({(dimensions == 1 ? "labels" : "images")}); are images and labels exchanged?");
        int start = 4 + 4 * dimensions, length = file.Length;
        if (length < start) throw Truncated(start);
        int[] sizes = new int[dimensions];
        long count = 1;
        for (int i = 0; i < dimensions; i++)
        {
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(file[(4 + 4 * i)..]);
            if (sizes[i] < 1) throw new InvalidDataException($"{name} says that dimension {i} has {sizes[i]} elements; copy or download it again");
            count = Math.Min(count * sizes[i], long.MaxValue / int.MaxValue);
        }
        if (file.Length - start < count) throw Truncated(start + count);
        if (file.Length - start > count)
            throw new InvalidDataException($"{name} has {file.Length - start - count} bytes more than its sizes [{string.Join(", ", sizes)}] say; copy or download it again");
        return new(sizes, file[start..].ToArray());

        InvalidDataException Truncated(long wanted) => new($"{name} is truncated: {length} of {wanted} bytes are there; copy or download it again");
    }
}
