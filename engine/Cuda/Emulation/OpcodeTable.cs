namespace MiniTorch.Cuda.Emulation;

/// <summary>All instructions that the emulator knows: those spelled out here, and families whose modifiers are taken apart.</summary>
internal static unsafe partial class OpcodeTable
{
    static readonly Dictionary<string, Opcode> spelled = Spell();

    /// <summary>Finds or builds an instruction; null if it is unknown.</summary>
    internal static Opcode? Build(string mnemonic)
    {
        if (spelled.TryGetValue(mnemonic, out Opcode? opcode)) return opcode;
        string[] parts = mnemonic.Split('.');
        return parts[0] switch
        {
            "add" or "sub" or "mul" or "fma" or "mad" or "neg" or "abs" or "min" or "max" or "div" or "rcp" or "sqrt" or "rsqrt" or "ex2" or "lg2" or "sin" or "cos" or "tanh"
                when parts[^1] == "f32" => Single(parts),
            "setp" => Relation(parts),
            "cvt" => Conversion(parts),
            "ld" or "ldu" or "st" => Transfer(parts),
            "atom" or "red" => Atomic(parts),
            "shfl" or "vote" or "redux" or "activemask" => Exchanging(mnemonic),
            "cp" => Copying(mnemonic),
            "ldmatrix" or "mma" => Matrices(mnemonic),
            "prefetch" => new Opcode(&Control.Nothing, "m"),
            _ => null,
        };
    }

    static Dictionary<string, Opcode> Spell()
    {
        Dictionary<string, Opcode> t = new(StringComparer.Ordinal);
        AddControl(t);
        AddMoves(t);
        AddLogic(t);
        AddIntegers32(t);
        AddIntegers64(t);
        AddIntegers16(t);
        AddBits(t);
        AddDoubles(t);
        return t;
    }

    static void AddControl(Dictionary<string, Opcode> t)
    {
        t["bra"] = t["bra.uni"] = new(&Control.Branch, "l") { Flow = Flow.Branch };
        t["ret"] = t["ret.uni"] = t["exit"] = new(&Control.Return, "") { Flow = Flow.Return };
        t["trap"] = new(&Control.Trap, "");
        t["bar.sync"] = t["barrier.sync"] = t["barrier.sync.aligned"] = t["bar.cta.sync"] = t["barrier.cta.sync"] = t["barrier.cta.sync.aligned"]
            = new(&Control.Barrier, "r?r", Kind.Barrier) { Flow = Flow.Barrier };
        t["bar.warp.sync"] = new(&Control.WarpBarrier, "r");
        Opcode fence = new(&Control.Nothing, "");
        foreach (string scope in (string[])["cta", "gl", "sys"]) t["membar." + scope] = fence;
        foreach (string scope in (string[])["cta", "gpu", "sys"]) t["fence.sc." + scope] = t["fence.acq_rel." + scope] = t["fence." + scope] = fence;
    }

    static void AddMoves(Dictionary<string, Opcode> t)
    {
        foreach (string type in (string[])["b16", "u16", "s16"]) t["mov." + type] = new(&Lane.Move<uint>, "Hh") { Copies = true };
        foreach (string type in (string[])["b32", "u32", "s32", "f32"]) t["mov." + type] = new(&Lane.Move<uint>, "Rr") { Copies = true, Modifier = 4 };
        foreach (string type in (string[])["b64", "u64", "s64", "f64"]) t["mov." + type] = new(&Lane.Move<ulong>, "Dd") { Copies = true, Modifier = 8 };
        t["mov.pred"] = new(&Compare.Predicates<ThatOf>, "Pp") { Copies = true };
        foreach (string type in (string[])["b16", "u16", "s16"]) t["selp." + type] = new(&Lane.Select<uint>, "Hhhp");
        foreach (string type in (string[])["b32", "u32", "s32", "f32"]) t["selp." + type] = new(&Lane.Select<uint>, "Rrrp");
        foreach (string type in (string[])["b64", "u64", "s64", "f64"]) t["selp." + type] = new(&Lane.Select<ulong>, "Dddp");
        // Addresses of all spaces but shared are the same as generic ones; shared ones are never used as generic, since generic accesses are refused.
        foreach (string space in (string[])["global", "shared", "const", "param"]) t[$"cvta.{space}.u64"] = t[$"cvta.to.{space}.u64"] = new(&Lane.Move<ulong>, "Dd");
        foreach (string space in (string[])["global", "shared", "const", "param"]) t[$"cvta.{space}.u32"] = t[$"cvta.to.{space}.u32"] = new(&Lane.Move<uint>, "Rr");
    }

    /// <summary>mov between a register and the parts in braces, which the operands decide.</summary>
    internal static Opcode? Packing(string mnemonic, ReadOnlySpan<Operand> operands)
    {
        if (operands.Length != 2) return null;
        int bytes = mnemonic switch { "mov.b32" => 4, "mov.b64" => 8, _ => 0 };
        if (bytes == 0) return null;
        string letter = bytes == 4 ? "r" : "d";
        if (operands[0].Kind == OperandKind.Vector) return new(&Widths.Unpack, "V" + letter) { Modifier = bytes, Vectors = [operands[0].Parts!.Length] };
        if (operands[1].Kind == OperandKind.Vector)
            return new(&Widths.Pack, letter.ToUpperInvariant() + "v") { Modifier = bytes, Vectors = [operands[1].Parts!.Length], ConstantWidth = RegisterClass.Bits32 };
        return null;
    }

    static void AddLogic(Dictionary<string, Opcode> t)
    {
        t["and.pred"] = new(&Compare.Predicates<BothOf>, "Ppp");
        t["or.pred"] = new(&Compare.Predicates<EitherOf>, "Ppp");
        t["xor.pred"] = new(&Compare.Predicates<OneOf>, "Ppp");
        t["not.pred"] = new(&Compare.Predicates<OppositeOf>, "Pp");
        t["and.b16"] = new(&Lane.Binary<And<uint>, uint>, "Hhh");
        t["or.b16"] = new(&Lane.Binary<Or<uint>, uint>, "Hhh");
        t["xor.b16"] = new(&Lane.Binary<Xor<uint>, uint>, "Hhh");
        t["not.b16"] = new(&Lane.Unary<SignedUnary16<Not<int>>, int>, "Hh");
        t["and.b32"] = new(&Lane.Binary<And<uint>, uint>, "Rrr");
        t["or.b32"] = new(&Lane.Binary<Or<uint>, uint>, "Rrr");
        t["xor.b32"] = new(&Lane.Binary<Xor<uint>, uint>, "Rrr");
        t["not.b32"] = new(&Lane.Unary<Not<uint>, uint>, "Rr");
        t["and.b64"] = new(&Lane.Binary<And<ulong>, ulong>, "Ddd");
        t["or.b64"] = new(&Lane.Binary<Or<ulong>, ulong>, "Ddd");
        t["xor.b64"] = new(&Lane.Binary<Xor<ulong>, ulong>, "Ddd");
        t["not.b64"] = new(&Lane.Unary<Not<ulong>, ulong>, "Dd");
        t["lop3.b32"] = new(&Bitwise.Lookup, "Rrrri");
        t["testp.finite.f32"] = new(&Compare.Test<IsFinite>, "Pr");
        t["testp.infinite.f32"] = new(&Compare.Test<IsInfinite>, "Pr");
        t["testp.number.f32"] = new(&Compare.Test<IsNumber>, "Pr");
        t["testp.notanumber.f32"] = new(&Compare.Test<IsNotNumber>, "Pr");
        t["testp.normal.f32"] = new(&Compare.Test<IsNormal>, "Pr");
        t["testp.subnormal.f32"] = new(&Compare.Test<IsSubnormal>, "Pr");
    }
}
