using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.Win32.SafeHandles;
using SkiaSharp;

namespace MiniTorch.Models;

/// <summary>
/// A picture of 8-bit colours: four bytes a pixel, red, green, blue and, as it was decoded, opacity, which is not looked at; rows from top to bottom, without gaps. Its memory is used again for the next picture.
/// Decoding gives what PIL's convert("RGB") gives: alpha is dropped, palettes and grey become colours. Not so: of 16 bits a channel the higher 8 are kept, where PIL saturates; a
/// picture that says how it is to be turned (EXIF) is turned, which the reference's loader leaves out.
/// </summary>
public sealed class Bitmap
{
    /// <summary>Largest picture that is decoded, in pixels: 400 MB.</summary>
    public const int MostPixels = 100_000_000;

    const int JpegQuality = 95;

    byte[] memory = [], file = [];

    /// <summary>Pixels from top to bottom.</summary>
    public int Height { get; private set; }

    /// <summary>Pixels from left to right.</summary>
    public int Width { get; private set; }

    /// <summary>All bytes, [h, w, 4].</summary>
    public Span<byte> Bytes => memory.AsSpan(0, 4 * Height * Width);

    /// <summary>All pixels, [h, w].</summary>
    public Span<uint> Pixels => MemoryMarshal.Cast<byte, uint>(Bytes);

    /// <summary>Makes room for a picture of this size; what it holds is undefined.</summary>
    public void Resize(int height, int width)
    {
        int bytes = checked(4 * height * width);
        if (memory.Length < bytes) memory = GC.AllocateUninitializedArray<byte>(bytes);
        (Height, Width) = (height, width);
    }

    /// <summary>The pixels of a row.</summary>
    public Span<uint> Row(int y) => Pixels.Slice(y * Width, Width);

    /// <summary>Becomes a copy.</summary>
    public void CopyFrom(Bitmap other)
    {
        Resize(other.Height, other.Width);
        other.Bytes.CopyTo(Bytes);
    }

    /// <summary>Decodes a file: JPEG, PNG, BMP, GIF or WebP. An <see cref="UnreadablePictureException"/> says why it cannot be, and where it is known which format it has instead.</summary>
    public unsafe void Read(string path)
    {
        int length = Load(path);
        if (length == 0) throw new UnreadablePictureException(path, "it is empty");
        fixed (byte* content = file)
        {
            using SKData data = SKData.Create((nint)content, length);
            using SKCodec? codec = SKCodec.Create(new SKMemoryStream(data), out SKCodecResult found);
            if (codec is null) throw new UnreadablePictureException(path, WhyNot(file.AsSpan(0, length), found));
            Decode(codec, path);
        }
    }

    /// <summary>Writes a JPEG file, or a PNG file if the name ends so, in one piece.</summary>
    public void Write(string path)
    {
        bool png = path.EndsWith(".png", StringComparison.OrdinalIgnoreCase);
        using SKImage image = SKImage.FromPixelCopy(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque), Bytes);
        using SKData data = image.Encode(png ? SKEncodedImageFormat.Png : SKEncodedImageFormat.Jpeg, JpegQuality);
        WholeFile.Write(path, data.ToArray());
    }

    /// <summary>Mirrors the picture left to right.</summary>
    public void Mirror()
    {
        for (int y = 0; y < Height; y++) Row(y).Reverse();
    }

    /// <summary>Becomes the picture of a sample [h, w, 1 or 3] with values in [0, 1], rounded to 8 bits; one channel is copied to all three.</summary>
    public void Take(ReadOnlySpan<float> sample, Shape shape)
    {
        Expect(shape);
        Resize(shape[0], shape[1]);
        int channels = shape[2];
        Span<byte> bytes = Bytes;
        for (int i = 0; i < Height * Width; i++)
        {
            for (int c = 0; c < 3; c++) bytes[4 * i + c] = (byte)Math.Clamp(MathF.Round(255 * sample[channels * i + Math.Min(c, channels - 1)]), 0, 255);
            bytes[4 * i + 3] = 255;
        }
    }

    /// <summary>Gives the picture as a sample [h, w, channels] in [0, 1]; one channel is its grey (<see cref="Grey"/>).</summary>
    public void Give(Span<float> sample, int channels)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        int i = 0, j = 0;
        if (channels == 1)
            for (; j < sample.Length; i += 4, j++) sample[j] = Grey(bytes[i], bytes[i + 1], bytes[i + 2]) / 255f;
        for (Vector128<byte> colors = Vector128.Create(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, (byte)0, 0, 0, 0); j <= sample.Length - 12; i += 16, j += 12)
        {
            Vector128<byte> four = Vector128.Shuffle(Vector128.Create(bytes[i..]), colors);
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(four);
            Unit(Vector128.WidenLower(low)).CopyTo(sample[j..]);
            Unit(Vector128.WidenUpper(low)).CopyTo(sample[(j + 4)..]);
            Unit(Vector128.WidenLower(high)).CopyTo(sample[(j + 8)..]);
        }
        for (; j < sample.Length; i += 4, j += 3)
            for (int c = 0; c < 3; c++) sample[j + c] = bytes[i + c] / 255f;

        static Vector128<float> Unit(Vector128<uint> values) => Vector128.ConvertToSingle(values.AsInt32()) / Vector128.Create(255f);
    }

    /// <summary>0.299 r + 0.587 g + 0.114 b in 16-bit fixed point, rounded: PIL's mode L.</summary>
    public static byte Grey(byte r, byte g, byte b) => (byte)((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);

    /// <summary>True if all pixels are grey.</summary>
    public bool IsGrey
    {
        get
        {
            ReadOnlySpan<byte> bytes = Bytes;
            for (int i = 0; i < bytes.Length; i += 4)
                if (bytes[i] != bytes[i + 1] || bytes[i] != bytes[i + 2]) return false;
            return true;
        }
    }

    /// <summary>Stops where samples are no pictures.</summary>
    internal static void Expect(Shape sample)
    {
        if (sample.Rank != 3 || sample[2] is not (1 or 3)) throw new TensorException($"pictures are samples [h, w, 1] or [h, w, 3], got {sample}; leave out what is done to pictures");
    }

    unsafe void Decode(SKCodec codec, string path)
    {
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MostPixels) throw new UnreadablePictureException(path, $"it says to be {width}x{height}, more than {MostPixels / 1_000_000} million pixels");
        Resize(height, width);
        SKCodecResult done;
        fixed (byte* to = memory) done = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul), (nint)to, 4 * width, new SKCodecOptions(SKZeroInitialized.No));
        if (done == SKCodecResult.IncompleteInput) throw new UnreadablePictureException(path, "it is truncated");
        if (done != SKCodecResult.Success) throw new UnreadablePictureException(path, "it is damaged");
        if (codec.EncodedOrigin != SKEncodedOrigin.TopLeft) Turn((int)codec.EncodedOrigin);
    }

    /// <summary>Undoes an EXIF orientation 1-8: 5-8 are transposed, and before that rows are reversed in 3, 4, 6 and 7, columns in 2, 3, 7 and 8.</summary>
    void Turn(int orientation)
    {
        uint[] from = Pixels.ToArray();
        (int height, int width) = (Height, Width);
        bool transposed = orientation >= 5, down = orientation is 3 or 4 or 6 or 7, right = orientation is 2 or 3 or 7 or 8;
        if (transposed) Resize(width, height);
        for (int y = 0; y < Height; y++)
        {
            Span<uint> row = Row(y);
            for (int x = 0; x < row.Length; x++)
            {
                (int i, int j) = transposed ? (x, y) : (y, x);
                row[x] = from[(down ? height - 1 - i : i) * width + (right ? width - 1 - j : j)];
            }
        }
    }

    /// <summary>Reads the whole file, in one go: the decoder asks for it in small pieces.</summary>
    int Load(string path)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path);
            int length = (int)Math.Min(RandomAccess.GetLength(handle), Array.MaxLength), at = 0;
            if (file.Length < length) file = GC.AllocateUninitializedArray<byte>(length);
            while (at < length && RandomAccess.Read(handle, file.AsSpan(at, length - at), at) is > 0 and int read) at += read;
            return at;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnreadablePictureException(path, $"it cannot be opened ({e.Message.TrimEnd('.')})");
        }
    }

    static string WhyNot(ReadOnlySpan<byte> content, SKCodecResult found)
        => Foreign(content) is { } format ? $"it is {format}, which is not read; convert it to PNG or JPEG" : found == SKCodecResult.IncompleteInput ? "it is truncated" : "it is not a PNG, JPEG, BMP, GIF or WebP picture";

    static string? Foreign(ReadOnlySpan<byte> head) => head switch
    {
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => "an AVIF, HEIC or video file",
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => "a TIFF image",
        [(byte)'%', (byte)'P', (byte)'D', (byte)'F', ..] => "a PDF file",
        [(byte)'<', ..] => "an SVG, XML or HTML file",
        _ => null,
    };
}

/// <summary>A picture that cannot be decoded: its file, and why.</summary>
public sealed class UnreadablePictureException(string path, string why) : IOException($"{path} is not read: {why}")
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <summary>Why, as the end of a sentence about it.</summary>
    public string Why { get; } = why;
}
