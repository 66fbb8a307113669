using System.Globalization;

namespace MiniTorch.Cuda.Emulation;

/// <summary>What an operand of an instruction is written as.</summary>
internal enum OperandKind : byte { Register, Special, Integer, Single, Double, Decimal, Symbol, Address, Vector, Pair, Sink }

/// <summary>
/// An operand as written. <paramref name="Value"/> is the number, its bits, or the offset of an address or symbol; <paramref name="Parts"/> are the base of an address,
/// the elements of a vector or the two halves of <c>p|q</c>.
/// </summary>
internal readonly record struct Operand(OperandKind Kind, int Register = -1, long Value = 0, string? Name = null, Operand[]? Parts = null, bool Negated = false)
{
    /// <summary>A number: decimal, 0x, 0b, 0 and octal digits, 0f and 0d with bits, or a decimal fraction.</summary>
    internal static bool TryNumber(ReadOnlySpan<char> s, bool negative, out Operand operand)
    {
        operand = default;
        if (s.Length == 0 || !char.IsAsciiDigit(s[0])) return false;
        char form = s.Length > 1 && s[0] == '0' ? char.ToLowerInvariant(s[1]) : ' ';
        if (form == 'f' || form == 'd')
        {
            if (!ulong.TryParse(s[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits) || s.Length != (form == 'f' ? 10 : 18)) return false;
            ulong sign = negative ? form == 'f' ? 0x80000000 : 1UL << 63 : 0;
            operand = new(form == 'f' ? OperandKind.Single : OperandKind.Double, Value: (long)(bits ^ sign));
            return true;
        }
        if (s.Contains('.'))
        {
            if (!double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out double fraction)) return false;
            operand = new(OperandKind.Decimal, Value: BitConverter.DoubleToInt64Bits(negative ? -fraction : fraction));
            return true;
        }
        if (!TryInteger(s[^1] is 'U' or 'u' ? s[..^1] : s, form, out ulong value)) return false;
        operand = new(OperandKind.Integer, Value: negative ? -(long)value : (long)value);
        return true;
    }

    static bool TryInteger(ReadOnlySpan<char> s, char form, out ulong value)
    {
        if (form == 'x') return ulong.TryParse(s[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (form == 'b') return ulong.TryParse(s[2..], NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out value);
        if (s.Length == 1 || s[0] != '0') return ulong.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = 0;
        foreach (char c in s)
        {
            if (c is < '0' or > '7') return false;
            value = value << 3 | (uint)(c - '0');
        }
        return true;
    }

    /// <summary>The bits of a number in a register of the given width; floating-point numbers take the width's format.</summary>
    internal ulong Bits(RegisterClass width) => Kind switch
    {
        OperandKind.Double or OperandKind.Decimal when width == RegisterClass.Bits32 => BitConverter.SingleToUInt32Bits((float)BitConverter.Int64BitsToDouble(Value)),
        OperandKind.Single when width == RegisterClass.Bits64 => BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle((uint)Value)),
        _ => width switch
        {
            RegisterClass.Predicate => Value != 0 ? uint.MaxValue : 0,
            RegisterClass.Bits16 => (ushort)Value,
            RegisterClass.Bits32 => (uint)Value,
            _ => (ulong)Value,
        },
    };
}

/// <summary>Registers by width. Registers of 16 bits live in lanes of 32 whose upper half is 0; a predicate is one bit a lane.</summary>
internal enum RegisterClass : byte { Predicate, Bits16, Bits32, Bits64 }
