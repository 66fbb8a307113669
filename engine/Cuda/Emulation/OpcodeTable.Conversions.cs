namespace MiniTorch.Cuda.Emulation;

internal static unsafe partial class OpcodeTable
{
    /// <summary>cvt{.rounding}{.ftz}{.sat}.to.from; the frequent ones between registers of fixed width have fast forms.</summary>
    static Opcode? Conversion(string[] parts)
    {
        if (Frequent(string.Join('.', parts)) is { } frequent) return frequent;
        if (parts.Length < 3) return null;
        int how = 0;
        bool rounds = false, integral = false, saturates = false;
        foreach (string part in parts.AsSpan(1, parts.Length - 3))
        {
            if (part == "ftz" && (how & Conversions.Flush) == 0) how |= Conversions.Flush;
            else if (part == "sat" && !saturates) (how, saturates) = (how | Conversions.Saturate, true);
            else if (!rounds && RoundingOf(part) is >= 0 and int rounding) (how, rounds, integral) = (how | rounding, true, part.EndsWith('i'));
            else return null;
        }
        string to = parts[^2], from = parts[^1];
        bool toFloat = to is "f32" or "f64", fromFloat = from is "f32" or "f64";
        if ((how & Conversions.Flush) != 0 && to != "f32" && from != "f32") return null;
        // What loses digits must say how; what does not must not.
        bool mustRound = (toFloat || fromFloat) && !(toFloat && fromFloat && string.CompareOrdinal(to, from) >= 0);
        if (mustRound != rounds && !(to == from && toFloat && integral)) return null;
        if (rounds && integral != (fromFloat && (!toFloat || to == from))) return null;
        if (toFloat && to == from && integral) return Rounded(to, how);
        delegate*<Warp, Operation*, uint, void> run = from switch
        {
            "u8" => FromInteger<byte>(to),
            "s8" => FromInteger<sbyte>(to),
            "u16" => FromInteger<ushort>(to),
            "s16" => FromInteger<short>(to),
            "u32" => FromInteger<uint>(to),
            "s32" => FromInteger<int>(to),
            "u64" => FromInteger<ulong>(to),
            "s64" => FromInteger<long>(to),
            "f32" => FromFloat<float>(to),
            "f64" => FromFloat<double>(to),
            _ => null,
        };
        return run == null ? null : new(run, "Xx") { Modifier = how, Converts = true, ConstantWidth = from.EndsWith("64", StringComparison.Ordinal) ? RegisterClass.Bits64 : RegisterClass.Bits32 };
    }

    static int RoundingOf(string part) => part switch
    {
        "rn" or "rni" => Conversions.ToNearest,
        "rz" or "rzi" => Conversions.ToZero,
        "rm" or "rmi" => Conversions.Down,
        "rp" or "rpi" => Conversions.Up,
        _ => -1,
    };

    static Opcode? Frequent(string mnemonic) => mnemonic switch
    {
        "cvt.u64.u32" => new(&Widths.FromUnsigned, "Dr"),
        "cvt.s64.s32" => new(&Widths.FromSigned, "Dr"),
        "cvt.rn.bf16.f32" => new(&Lane.Each<ToBrain, uint, uint>, "Hr", Kind.Float),
        "cvt.rz.bf16.f32" => new(&Lane.Each<ToBrainTruncated, uint, uint>, "Hr", Kind.Float),
        "cvt.rn.relu.bf16.f32" => new(&Lane.Each<ToBrainPositive, uint, uint>, "Hr", Kind.Float),
        "cvt.rn.bf16x2.f32" => new(&BrainFloats.Two<ToBrain>, "Rrr", Kind.Float),
        "cvt.rz.bf16x2.f32" => new(&BrainFloats.Two<ToBrainTruncated>, "Rrr", Kind.Float),
        "cvt.rn.relu.bf16x2.f32" => new(&BrainFloats.Two<ToBrainPositive>, "Rrr", Kind.Float),
        "cvt.rna.tf32.f32" => new(&Lane.Each<ToTensorFloat, uint, uint>, "Rr", Kind.Float),
        _ => null,
    };

    /// <summary>Integral values of the same format, subnormals or not, clamped or not.</summary>
    static Opcode Rounded(string type, int how)
    {
        bool flush = (how & Conversions.Flush) != 0, saturate = (how & Conversions.Saturate) != 0;
        return (how & 3, type) switch
        {
            (Conversions.ToNearest, "f32") => Integral<Nearest>(flush, saturate),
            (Conversions.ToZero, "f32") => Integral<Truncation>(flush, saturate),
            (Conversions.Down, "f32") => Integral<Floor>(flush, saturate),
            (Conversions.Up, "f32") => Integral<Ceiling>(flush, saturate),
            (Conversions.ToNearest, _) => new(&Lane.Unary<Nearest, double>, "Dd"),
            (Conversions.ToZero, _) => new(&Lane.Unary<Truncation, double>, "Dd"),
            (Conversions.Down, _) => new(&Lane.Unary<Floor, double>, "Dd"),
            _ => new(&Lane.Unary<Ceiling, double>, "Dd"),
        };
    }

    static Opcode Integral<TOp>(bool flush, bool saturate) where TOp : IUnary<float> => saturate
        ? flush ? new(&Lane.Unary<SaturatedUnary<FlushedUnary<TOp>>, float>, "Rr", Kind.Float) : new(&Lane.Unary<SaturatedUnary<TOp>, float>, "Rr", Kind.Float)
        : One<TOp>(flush);

    static delegate*<Warp, Operation*, uint, void> FromInteger<TA>(string to) where TA : unmanaged, IBinaryInteger<TA> => to switch
    {
        "u8" => &Conversions.Integers<TA, byte>,
        "s8" => &Conversions.Integers<TA, sbyte>,
        "u16" => &Conversions.Integers<TA, ushort>,
        "s16" => &Conversions.Integers<TA, short>,
        "u32" => &Conversions.Integers<TA, uint>,
        "s32" => &Conversions.Integers<TA, int>,
        "u64" => &Conversions.Integers<TA, ulong>,
        "s64" => &Conversions.Integers<TA, long>,
        "f32" => &Conversions.ToFloat<TA, float>,
        "f64" => &Conversions.ToFloat<TA, double>,
        _ => null,
    };

    static delegate*<Warp, Operation*, uint, void> FromFloat<TA>(string to) where TA : unmanaged, IBinaryFloatingPointIeee754<TA> => to switch
    {
        "u8" => &Conversions.ToInteger<TA, byte>,
        "s8" => &Conversions.ToInteger<TA, sbyte>,
        "u16" => &Conversions.ToInteger<TA, ushort>,
        "s16" => &Conversions.ToInteger<TA, short>,
        "u32" => &Conversions.ToInteger<TA, uint>,
        "s32" => &Conversions.ToInteger<TA, int>,
        "u64" => &Conversions.ToInteger<TA, ulong>,
        "s64" => &Conversions.ToInteger<TA, long>,
        "f32" => &Conversions.Floats<TA, float>,
        "f64" => &Conversions.Floats<TA, double>,
        _ => null,
    };
}
