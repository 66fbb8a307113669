using Google.Protobuf;

namespace MiniTorch.Models;

/// <summary>A protobuf message, field by field in the order of the calls; what the fields mean stands in the .proto file of whoever reads it.</summary>
sealed class ProtoMessage
{
    readonly List<Action<CodedOutputStream>> fields = [];

    /// <summary>The message as bytes.</summary>
    internal byte[] ToBytes()
    {
        using MemoryStream bytes = new();
        using (CodedOutputStream to = new(bytes, leaveOpen: true))
            foreach (Action<CodedOutputStream> field in fields) field(to);
        return bytes.ToArray();
    }

    /// <summary>int32, int64, bool or an enumeration.</summary>
    internal ProtoMessage Integer(int field, long value) => Add(field, WireFormat.WireType.Varint, to => to.WriteInt64(value));

    /// <summary>float.</summary>
    internal ProtoMessage Float(int field, float value) => Add(field, WireFormat.WireType.Fixed32, to => to.WriteFloat(value));

    /// <summary>double.</summary>
    internal ProtoMessage Double(int field, double value) => Add(field, WireFormat.WireType.Fixed64, to => to.WriteDouble(value));

    /// <summary>string.</summary>
    internal ProtoMessage Text(int field, string value) => Add(field, WireFormat.WireType.LengthDelimited, to => to.WriteString(value));

    /// <summary>A message within.</summary>
    internal ProtoMessage Message(int field, ProtoMessage value) => Add(field, WireFormat.WireType.LengthDelimited, to => to.WriteBytes(UnsafeByteOperations.UnsafeWrap(value.ToBytes())));

    /// <summary>repeated double, packed.</summary>
    internal ProtoMessage Doubles(int field, double[] values) => Add(field, WireFormat.WireType.LengthDelimited, to =>
    {
        to.WriteLength(sizeof(double) * values.Length);
        foreach (double value in values) to.WriteDouble(value);
    });

    ProtoMessage Add(int field, WireFormat.WireType type, Action<CodedOutputStream> write)
    {
        fields.Add(to =>
        {
            to.WriteTag(field, type);
            write(to);
        });
        return this;
    }
}
