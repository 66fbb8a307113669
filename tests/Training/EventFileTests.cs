using System.Buffers.Binary;
using System.Text;
using MiniTorch.Models;

namespace MiniTorch.Tests.Training;

/// <summary>Event files, read by a reader of their own here: framing, checksums and fields as TensorBoard's record format has them.</summary>
public sealed class EventFileTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>An event: its step, what it says of curves, of histograms (values in each bin), and whether it begins a session.</summary>
    sealed record Read(long Step, string? Version, Dictionary<string, float> Curves, Dictionary<string, (double[] Limits, double[] Counts, double Sum)> Histograms, bool Starts);

    /// <summary>The first bytes of every file of events that TensorFlow and PyTorch write: a record of 24 bytes, the checksum of that number, and a double.</summary>
    [Fact]
    public void It_begins_as_all_such_files()
    {
        using EventFile file = new(folder.Path, step: 0);
        byte[] bytes = Bytes(file);
        Assert.Equal([0x18, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22, 0x09], bytes[..13]);
        Assert.Equal([0x1A, 0x0D, .. "brain.Event:2"u8], bytes[21..36]);
    }

    [Fact]
    public void What_was_said_is_read_back()
    {
        using EventFile file = new(folder.Path, step: 0);
        file.Add(300, ("loss/training", 0.5), ("loss/test", null), ("accuracy", 0.25));
        file.AddHistogram(300, "stages.0.0.dwconv.P", [0, 1, 1, 4, 4, 4]);
        Read[] events = [.. Events(Bytes(file))];
        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal((300, 0.5f, 0.25f, 2), (events[1].Step, events[1].Curves["loss/training"], events[1].Curves["accuracy"], events[1].Curves.Count));
        (double[] limits, double[] counts, double sum) = events[2].Histograms["stages.0.0.dwconv.P"];
        Assert.Equal((14, 4, 6, 3), (sum, limits[^1], counts.Sum(), counts[^1]));
        Assert.Equal([0.1, 1], [limits[0], counts[0]]);
        Assert.Equal(2, counts[10]);
        Assert.DoesNotContain(events, static e => e.Starts);
    }

    [Fact]
    public void Equal_values_are_a_histogram_too()
    {
        using EventFile file = new(folder.Path, step: 0);
        file.AddHistogram(1, "P", [2, 2]);
        file.AddHistogram(1, "none", []);
        Read[] events = [.. Events(Bytes(file))];
        Assert.Equal(2, events.Length);
        Assert.Equal(2, events[1].Histograms["P"].Counts.Sum());
    }

    /// <summary>A run that goes on has a file of its own, which makes void what was said of steps after its checkpoint.</summary>
    [Fact]
    public void A_later_session_takes_back_later_steps()
    {
        using EventFile first = new(folder.Path, step: 0), second = new(folder.Path, step: 200);
        Assert.NotEqual(first.Path, second.Path);
        Read start = Events(Bytes(second)).ElementAt(1);
        Assert.True(start is { Starts: true, Step: 201 });
    }

    static byte[] Bytes(EventFile file)
    {
        using FileStream stream = new(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    static IEnumerable<Read> Events(byte[] file)
    {
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] data = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            at += 16 + length;
            yield return Event(data);
        }
    }

    static Read Event(byte[] data)
    {
        Read e = new(0, null, [], [], false);
        foreach ((int field, ulong number, byte[] inner) in Fields(data))
        {
            if (field == 2) e = e with { Step = (long)number };
            if (field == 3) e = e with { Version = Encoding.UTF8.GetString(inner) };
            if (field == 7) e = e with { Starts = Fields(inner).Single() is { Field: 1, Number: 1 } };
            if (field != 5) continue;
            foreach ((_, _, byte[] value) in Fields(inner))
            {
                Dictionary<int, (ulong Number, byte[] Inner)> parts = Fields(value).ToDictionary(static f => f.Field, static f => (f.Number, f.Inner));
                string tag = Encoding.UTF8.GetString(parts[1].Inner);
                if (parts.TryGetValue(2, out (ulong Number, byte[] Inner) simple)) e.Curves[tag] = BitConverter.UInt32BitsToSingle((uint)simple.Number);
                if (!parts.TryGetValue(5, out (ulong Number, byte[] Inner) histogram)) continue;
                Dictionary<int, (ulong Number, byte[] Inner)> h = Fields(histogram.Inner).ToDictionary(static f => f.Field, static f => (f.Number, f.Inner));
                e.Histograms[tag] = (Doubles(h[6].Inner), Doubles(h[7].Inner), BitConverter.UInt64BitsToDouble(h[4].Number));
            }
        }
        return e;
    }

    static double[] Doubles(byte[] packed) => [.. Enumerable.Range(0, packed.Length / 8).Select(i => BitConverter.ToDouble(packed, 8 * i))];

    static IEnumerable<(int Field, ulong Number, byte[] Inner)> Fields(byte[] message)
    {
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint();
            (ulong number, byte[] inner) = (0, []);
            switch (key & 7)
            {
                case 0: number = Varint(); break;
                case 1: number = BitConverter.ToUInt64(message, at); at += 8; break;
                case 5: number = BitConverter.ToUInt32(message, at); at += 4; break;
                default:
                    int length = (int)Varint();
                    inner = message[at..(at + length)];
                    at += length;
                    break;
            }
            yield return ((int)(key >> 3), number, inner);

            ulong Varint()
            {
                ulong value = 0;
                for (int shift = 0; ; shift += 7)
                {
                    byte b = message[at++];
                    value |= (ulong)(b & 127) << shift;
                    if (b < 128) return value;
                }
            }
        }
    }

    /// <summary>CRC-32C bit by bit, masked.</summary>
    static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78);
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }
}
