using Google.Protobuf;

namespace MiniTorch.Models;

/// <summary>
/// A message of protocol buffers: its fields by number, in the order in which they are written. What a format's messages are made of stands where the format is written; no compiler
/// is needed for the few there are. Nothing is copied until the message is written.
/// </summary>
public sealed class ProtoMessage
{
    readonly List<(int Number, WireFormat.WireType Type, ulong Bits, object? Content, int Length)> fields = [];

    /// <summary>A whole number, a truth value or the number of an enumeration.</summary>
    public ProtoMessage Add(int number, long value) => Add(number, WireFormat.WireType.Varint, (ulong)value, CodedOutputStream.ComputeUInt64Size((ulong)value));

    /// <summary>A number of 32 bits.</summary>
    public ProtoMessage Add(int number, float value) => Add(number, WireFormat.WireType.Fixed32, BitConverter.SingleToUInt32Bits(value), sizeof(float));

    /// <summary>A number of 64 bits.</summary>
    public ProtoMessage Add(int number, double value) => Add(number, WireFormat.WireType.Fixed64, BitConverter.DoubleToUInt64Bits(value), sizeof(double));

    /// <summary>A text.</summary>
    public ProtoMessage Add(int number, string text) => Add(number, ByteString.CopyFromUtf8(text));

    /// <summary>Bytes, which must not change until the message is written.</summary>
    public ProtoMessage Add(int number, ReadOnlyMemory<byte> bytes) => Add(number, UnsafeByteOperations.UnsafeWrap(bytes));

    /// <summary>A message within this one, which must be complete.</summary>
    public ProtoMessage Add(int number, ProtoMessage message)
    {
        int size = message.Size;
        return Add(number, WireFormat.WireType.LengthDelimited, 0, checked(CodedOutputStream.ComputeLengthSize(size) + size), message);
    }

    /// <summary>Bytes that the message takes.</summary>
    public int Size { get; private set; }

    ProtoMessage Add(int number, ByteString bytes) => Add(number, WireFormat.WireType.LengthDelimited, 0, CodedOutputStream.ComputeBytesSize(bytes), bytes);

    ProtoMessage Add(int number, WireFormat.WireType type, ulong bits, int length, object? content = null)
    {
        fields.Add((number, type, bits, content, length));
        Size = checked(Size + CodedOutputStream.ComputeTagSize(number) + length);
        return this;
    }

    /// <summary>Writes the fields, without a length before them.</summary>
    public void Write(CodedOutputStream to)
    {
        foreach ((int number, WireFormat.WireType type, ulong bits, object? content, _) in fields)
        {
            to.WriteTag(number, type);
            if (content is ByteString bytes) to.WriteBytes(bytes);
            else if (content is ProtoMessage message)
            {
                to.WriteLength(message.Size);
                message.Write(to);
            }
            else if (type == WireFormat.WireType.Fixed32) to.WriteFixed32((uint)bits);
            else if (type == WireFormat.WireType.Fixed64) to.WriteFixed64(bits);
            else to.WriteUInt64(bits);
        }
    }
}
