using System.Buffers.Binary;

namespace MiniTorch.Models;

/// <summary>Sound from a RIFF WAVE file: PCM of 8 to 32 bits or floats, several channels mixed to one.</summary>
public sealed class WaveFile
{
    const int Pcm = 1, Float = 3, Extensible = 0xFFFE;

    internal WaveFile(float[] samples, int rate) => (Samples, SampleRate) = (samples, rate);

    /// <summary>The samples, in [-1, 1].</summary>
    public float[] Samples { get; }

    /// <summary>Samples a second.</summary>
    public int SampleRate { get; }

    /// <summary>Reads a file; an <see cref="InvalidDataException"/> names it and says what is wrong.</summary>
    public static WaveFile Read(string path) => Parse(File.ReadAllBytes(path), path);

    /// <summary>Reads a file's bytes; messages call it <paramref name="name"/>.</summary>
    public static WaveFile Parse(ReadOnlySpan<byte> file, string name)
    {
        if (file.Length < 12 || !file[..4].SequenceEqual("RIFF"u8) || !file[8..12].SequenceEqual("WAVE"u8)) throw new InvalidDataException($"{name} is not a WAVE file; convert it");
        int format = 0, channels = 0, rate = 0, bits = 0;
        for (int at = 12; at + 8 <= file.Length;)
        {
            ReadOnlySpan<byte> id = file.Slice(at, 4), rest = file[(at + 8)..];
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 4)..]);
            if (id.SequenceEqual("data"u8))
            {
                if (channels == 0) throw new InvalidDataException($"{name} has sound before it says of what format; convert it");
                if (length > rest.Length && !IsOpen(length)) throw new InvalidDataException($"{name} is truncated: {rest.Length} of {length} bytes of sound are there; copy it again");
                return new(Mixed(rest[..(int)Math.Min(length, rest.Length)], format, channels, bits, name), rate);
            }
            if (length > rest.Length) break;
            if (id.SequenceEqual("fmt "u8) && length >= 16)
            {
                format = BinaryPrimitives.ReadUInt16LittleEndian(rest);
                channels = BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]);
                rate = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
                bits = BinaryPrimitives.ReadUInt16LittleEndian(rest[14..]);
                if (format == Extensible && length >= 26) format = BinaryPrimitives.ReadUInt16LittleEndian(rest[24..]);
                if (channels == 0 || rate <= 0) throw new InvalidDataException($"{name} says that it has {channels} channels at {rate} samples a second; copy it again");
            }
            at += 8 + (int)length + (int)(length & 1);
        }
        throw new InvalidDataException($"{name} holds no sound: it is truncated or damaged; copy it again");
    }

    /// <summary>The length that programs write that pipe sound before they know it.</summary>
    static bool IsOpen(uint length) => length is 0 or >= 0x7FFF_F000;

    static float[] Mixed(ReadOnlySpan<byte> data, int format, int channels, int bits, string name)
    {
        int bytes = bits / 8;
        if (!(format == Pcm && bits is 8 or 16 or 24 or 32 || format == Float && bits is 32 or 64))
            throw new InvalidDataException($"{name} holds sound of format {format} with {bits} bits; PCM of 8, 16, 24, 32 and floats of 32 and 64 bits are read, convert it");
        float[] samples = new float[data.Length / (bytes * channels)];
        for (int i = 0; i < samples.Length; i++)
        {
            double sum = 0;
            for (int c = 0; c < channels; c++) sum += Value(data[((i * channels + c) * bytes)..], format, bits);
            samples[i] = (float)(sum / channels);
        }
        return samples;
    }

    static double Value(ReadOnlySpan<byte> at, int format, int bits) => (format, bits) switch
    {
        (Float, 32) => BinaryPrimitives.ReadSingleLittleEndian(at),
        (Float, _) => BinaryPrimitives.ReadDoubleLittleEndian(at),
        (_, 8) => (at[0] - 128) / 128.0,
        (_, 16) => BinaryPrimitives.ReadInt16LittleEndian(at) / 32768.0,
        (_, 24) => (at[0] << 8 | at[1] << 16 | at[2] << 24) / 2147483648.0,
        _ => BinaryPrimitives.ReadInt32LittleEndian(at) / 2147483648.0,
    };
}
