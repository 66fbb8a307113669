using System.Buffers.Binary;
using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

/// <summary>A folder that goes with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("minitorch-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Small classification data: the class is the quarter of the image that is bright.</summary>
public static class SmallIdx
{
    public const int Side = 10;

    /// <summary>Writes the four IDX files of a set.</summary>
    public static void Write(string folder, int train, int test)
    {
        Pair("train", train, 0);
        Pair("t10k", test, 1);

        void Pair(string name, int count, uint stream)
        {
            (byte[] pixels, byte[] labels) = Make(count, stream);
            File.WriteAllBytes(Path.Combine(folder, name + "-images-idx3-ubyte"), [.. Header(3, count, Side, Side), .. pixels]);
            File.WriteAllBytes(Path.Combine(folder, name + "-labels-idx1-ubyte"), [.. Header(1, count), .. labels]);
        }
    }

    /// <summary>The same as arrays.</summary>
    public static ArrayDataset Array(int count)
    {
        (byte[] pixels, byte[] labels) = Make(count, 0);
        return new([.. pixels.Select(static p => p / 255f)], [.. labels.Select(static l => (int)l)], [Side, Side, 1]);
    }

    static (byte[] Pixels, byte[] Labels) Make(int count, uint stream)
    {
        RandomStream random = new(5, stream);
        byte[] pixels = new byte[count * Side * Side], labels = new byte[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = (byte)(i % 4);
            for (int y = 0; y < Side; y++)
                for (int x = 0; x < Side; x++)
                    pixels[(i * Side + y) * Side + x] = (byte)(random.NextInt(100) + ((y < Side / 2 ? 0 : 2) + (x < Side / 2 ? 0 : 1) == labels[i] ? 120 : 0));
        }
        return (pixels, labels);
    }

    static byte[] Header(byte dimensions, params int[] sizes)
    {
        byte[] header = new byte[4 + 4 * sizes.Length];
        (header[2], header[3]) = (8, dimensions);
        for (int i = 0; i < sizes.Length; i++) BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), sizes[i]);
        return header;
    }
}

/// <summary>An uncompressed 24-bit bitmap, which the image reader understands.</summary>
public static class SmallBitmap
{
    public static void Write(string path, int width, int height, Func<int, int, byte> grey)
    {
        int stride = (3 * width + 3) / 4 * 4;
        byte[] file = new byte[54 + stride * height];
        (file[0], file[1], file[10], file[14], file[26], file[28]) = ((byte)'B', (byte)'M', 54, 40, 1, 24);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), -height);      // rows from the top
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) file.AsSpan(54 + y * stride + 3 * x, 3).Fill(grey(x, y));
        File.WriteAllBytes(path, file);
    }
}
