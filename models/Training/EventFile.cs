using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace MiniTorch.Models;

/// <summary>
/// A file of events for TensorBoard: records of length, masked CRC-32C of the length, an <c>Event</c> message, masked CRC-32C of the message. Each is on the disk when the call returns. A
/// session that goes on with a run writes a file of its own, which begins by taking back what was said of later steps.
/// </summary>
public sealed class EventFile : IDisposable
{
    const uint MaskDelta = 0xA282EAD8;
    const int Bins = 40;            // of a histogram

    // Fields of event.proto and summary.proto.
    const int WallTime = 1, StepOf = 2, FileVersion = 3, SummaryOf = 5, SessionLog = 7, Status = 1, Start = 1, ValueOf = 1, Tag = 1, Simple = 2, Histogram = 5;
    const int Least = 1, Largest = 2, Number = 3, Sum = 4, Squares = 5, Limits = 6, Counts = 7;

    readonly FileStream file;

    /// <summary>Begins a file in a folder. After so many steps others may have been written of before; what those files say of later steps is void.</summary>
    public EventFile(string folder, int step)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds():D10}.dcls.{Environment.ProcessId}");
        string path = System.IO.Path.Combine(folder, name);
        for (int i = 1; File.Exists(path); i++) path = System.IO.Path.Combine(folder, $"{name}.{i}");
        file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        Path = path;
        Write(Event(0).Add(FileVersion, "brain.Event:2"));
        if (step > 0) Write(Event(step + 1L).Add(SessionLog, new ProtoMessage().Add(Status, Start)));
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Curves: what each had come to after so many steps. What is null is left out.</summary>
    public void Add(int step, params ReadOnlySpan<(string Tag, double? Value)> curves)
    {
        ProtoMessage summary = new();
        foreach ((string tag, double? value) in curves)
            if (value is { } v) summary.Add(ValueOf, new ProtoMessage().Add(Tag, tag).Add(Simple, (float)v));
        Write(Event(step).Add(SummaryOf, summary));
    }

    /// <summary>How values were distributed after so many steps.</summary>
    public void AddHistogram(int step, string tag, double[] values)
    {
        if (values.Length == 0) return;
        double least = values.Min(), largest = values.Max(), width = (largest - least) / Bins;
        double[] limits = [.. Enumerable.Range(1, Bins).Select(b => b == Bins || width == 0 ? largest : least + b * width)], counts = new double[Bins];
        foreach (double v in values) counts[width == 0 ? Bins - 1 : Math.Min(Bins - 1, (int)((v - least) / width))]++;
        ProtoMessage histogram = new ProtoMessage().Add(Least, least).Add(Largest, largest).Add(Number, values.Length).Add(Sum, values.Sum()).Add(Squares, values.Sum(static v => v * v))
            .Add(Limits, Packed(limits)).Add(Counts, Packed(counts));
        Write(Event(step).Add(SummaryOf, new ProtoMessage().Add(ValueOf, new ProtoMessage().Add(Tag, tag).Add(Histogram, histogram))));
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    static ProtoMessage Event(long step)
    {
        ProtoMessage message = new ProtoMessage().Add(WallTime, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1e3);
        return step == 0 ? message : message.Add(StepOf, step);         // 0 is what is not written
    }

    static ReadOnlyMemory<byte> Packed(double[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    void Write(ProtoMessage message)
    {
        byte[] data = new byte[message.Size];
        using (CodedOutputStream stream = new(data)) message.Write(stream);
        Span<byte> record = new byte[sizeof(ulong) + sizeof(uint) + data.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[sizeof(ulong)..], Masked(record[..sizeof(ulong)]));
        data.CopyTo(record[(sizeof(ulong) + sizeof(uint))..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[^sizeof(uint)..], Masked(data));
        file.Write(record);
        file.Flush();
    }

    /// <summary>CRC-32C, turned right by 15 bits and shifted, so that a checksum of data that holds checksums says something.</summary>
    static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data) crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }
}
