using System.Globalization;

namespace MiniTorch;

/// <summary>
/// The upper half of an IEEE single: sign, 8 bits of exponent, 7 bits of fraction. A type of memory only: kernels widen it, compute in float32 and round to the nearest,
/// ties to even. What is no number stays so, made quiet.
/// </summary>
public readonly struct BFloat16 : IEquatable<BFloat16>
{
    const int Lower = 16;                   // bits of a single that are cut off
    const uint Infinity = 0x7F800000, Sign = 0x80000000, Quiet = 0x40;

    BFloat16(ushort bits) => Bits = bits;

    /// <summary>Sign, exponent and fraction as they lie in memory.</summary>
    public ushort Bits { get; }

    /// <summary>The number with these bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>The nearest number, to even in the middle; beyond the largest by half a step, infinity.</summary>
    public static explicit operator BFloat16(float value) => new((ushort)Round(BitConverter.SingleToUInt32Bits(value)));

    /// <summary>The nearest number, rounded once: on the way to it a single keeps in its last bit that something was cut off.</summary>
    public static explicit operator BFloat16(double value)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)value);
        if (Math.Abs((double)(float)value) > Math.Abs(value)) bits--;
        if (BitConverter.UInt32BitsToSingle(bits) != value) bits |= 1;
        return new((ushort)Round(bits));
    }

    /// <summary>The same number.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << Lower);

    /// <summary>The rule of rounding, on the bits of a single.</summary>
    internal static uint Round(uint single) => (single & ~Sign) > Infinity ? single >> Lower | Quiet : single + 0x7FFF + (single >> Lower & 1) >> Lower;

    /// <summary>Equal numbers; the zeros are equal, what is no number equals nothing.</summary>
    public static bool operator ==(BFloat16 a, BFloat16 b) => (float)a == (float)b;

    /// <summary>Not equal.</summary>
    public static bool operator !=(BFloat16 a, BFloat16 b) => !(a == b);

    /// <summary>As float.Equals: equal numbers, or neither is a number.</summary>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(CultureInfo.InvariantCulture);
}
