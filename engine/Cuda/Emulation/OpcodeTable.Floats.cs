namespace MiniTorch.Cuda.Emulation;

internal static unsafe partial class OpcodeTable
{
    static void AddDoubles(Dictionary<string, Opcode> t)
    {
        t["add.f64"] = t["add.rn.f64"] = new(&Lane.Binary<Add<double>, double>, "Ddd");
        t["sub.f64"] = t["sub.rn.f64"] = new(&Lane.Binary<Subtract<double>, double>, "Ddd");
        t["mul.f64"] = t["mul.rn.f64"] = new(&Lane.Binary<Multiply<double>, double>, "Ddd");
        t["fma.rn.f64"] = t["mad.rn.f64"] = new(&Lane.Ternary<Fused, double>, "Dddd");
        t["div.rn.f64"] = new(&Lane.Binary<Quotient<double>, double>, "Ddd");
        t["rcp.rn.f64"] = new(&Lane.Unary<Reciprocal<double>, double>, "Dd");
        t["sqrt.rn.f64"] = new(&Lane.Unary<Root<double>, double>, "Dd");
        t["neg.f64"] = new(&Lane.Unary<Negation, double>, "Dd");
        t["abs.f64"] = new(&Lane.Unary<Magnitude<double>, double>, "Dd");
        t["min.f64"] = new(&Lane.Binary<Least<double>, double>, "Ddd");
        t["max.f64"] = new(&Lane.Binary<Greatest<double>, double>, "Ddd");
        t["copysign.f64"] = new(&Lane.Binary<CopySign, double>, "Ddd");
        t["copysign.f32"] = new(&Lane.Binary<CopySign, float>, "Rrr");
    }

    /// <summary>name{.rounding}{.ftz}{.sat}{.NaN}.f32, where the rounding, or how exact a function is, belongs to the name.</summary>
    static Opcode? Single(string[] parts)
    {
        string name = parts[0];
        bool flush = false, saturate = false;
        foreach (string part in parts.AsSpan(1, parts.Length - 2))
        {
            if (part == "ftz" && !flush) flush = true;
            else if (part == "sat" && !saturate && name.Split('.')[0] is "add" or "sub" or "mul" or "fma" or "mad") saturate = true;
            else if (part == "rn" && name is "add" or "sub" or "mul") name = parts[0];
            else if (!flush && !saturate && name == parts[0] || part == "NaN") name += "." + part;
            else return null;
        }
        return name switch
        {
            "add" => Two<Add<float>>(flush, saturate),
            "sub" => Two<Subtract<float>>(flush, saturate),
            "mul" => Two<Multiply<float>>(flush, saturate),
            "fma.rn" or "mad.rn" => Three<Fused>(flush, saturate),
            "neg" => One<Negation>(flush),
            "abs" => One<Magnitude<float>>(flush),
            "min" => Two<Least<float>>(flush, false),
            "max" => Two<Greatest<float>>(flush, false),
            "min.NaN" => Two<LeastOrNan>(flush, false),
            "max.NaN" => Two<GreatestOrNan>(flush, false),
            "div.rn" or "div.full" => Two<Quotient<float>>(flush, false),
            "div.approx" => Two<ApproximateQuotient>(flush, false),
            "rcp.rn" or "rcp.approx" => One<Reciprocal<float>>(flush),
            "sqrt.rn" or "sqrt.approx" => One<Root<float>>(flush),
            "rsqrt.approx" => One<ReciprocalRoot>(flush),
            "ex2.approx" => One<PowerOfTwo>(flush),
            "lg2.approx" => One<LogarithmToTwo>(flush),
            "sin.approx" => One<Sine>(flush),
            "cos.approx" => One<Cosine>(flush),
            "tanh.approx" when !flush => One<HyperbolicTangent>(false),
            _ => null,
        };
    }

    static Opcode One<TOp>(bool flush) where TOp : IUnary<float>
        => flush ? new(&Lane.Unary<FlushedUnary<TOp>, float>, "Rr", Kind.Float) : new(&Lane.Unary<TOp, float>, "Rr", Kind.Float);

    static Opcode Two<TOp>(bool flush, bool saturate) where TOp : IBinary<float> => (flush, saturate) switch
    {
        (false, false) => new(&Lane.Binary<TOp, float>, "Rrr", Kind.Float),
        (true, false) => new(&Lane.Binary<FlushedBinary<TOp>, float>, "Rrr", Kind.Float),
        (false, true) => new(&Lane.Binary<SaturatedBinary<TOp>, float>, "Rrr", Kind.Float),
        _ => new(&Lane.Binary<SaturatedBinary<FlushedBinary<TOp>>, float>, "Rrr", Kind.Float),
    };

    static Opcode Three<TOp>(bool flush, bool saturate) where TOp : ITernary<float> => (flush, saturate) switch
    {
        (false, false) => new(&Lane.Ternary<TOp, float>, "Rrrr", Kind.Fma),
        (true, false) => new(&Lane.Ternary<FlushedTernary<TOp>, float>, "Rrrr", Kind.Fma),
        (false, true) => new(&Lane.Ternary<SaturatedTernary<TOp>, float>, "Rrrr", Kind.Fma),
        _ => new(&Lane.Ternary<SaturatedTernary<FlushedTernary<TOp>>, float>, "Rrrr", Kind.Fma),
    };

    /// <summary>setp.relation{.logic}{.ftz}.type.</summary>
    static Opcode? Relation(string[] parts)
    {
        if (parts.Length < 3) return null;
        int logic = 0;
        bool flush = false;
        foreach (string part in parts.AsSpan(2, parts.Length - 3))
        {
            if (part == "ftz" && !flush && parts[^1] == "f32") flush = true;
            else if (logic == 0 && part is "and" or "or" or "xor") logic = part switch { "and" => Compare.And, "or" => Compare.Or, _ => Compare.Xor };
            else return null;
        }
        delegate*<Warp, Operation*, uint, void> run = parts[^1] switch
        {
            "f32" => flush ? FlushedRelationOf(parts[1]) : FloatRelation<float>(parts[1]),
            "f64" => FloatRelation<double>(parts[1]),
            "s32" => SignedRelation<int>(parts[1]),
            "u32" => UnsignedRelation<uint>(parts[1]),
            "b32" => EqualityOf<uint>(parts[1]),
            "s64" => SignedRelation<long>(parts[1]),
            "u64" => UnsignedRelation<ulong>(parts[1]),
            "b64" => EqualityOf<ulong>(parts[1]),
            "s16" => Relation16(parts[1]),
            "u16" => UnsignedRelation<uint>(parts[1]),
            "b16" => EqualityOf<uint>(parts[1]),
            _ => null,
        };
        string width = parts[^1][1..] switch { "16" => "h", "32" => "r", _ => "d" };
        return run == null ? null : new(run, "P" + width + width + (logic == 0 ? "" : "p")) { Modifier = logic };
    }

    static delegate*<Warp, Operation*, uint, void> EqualityOf<T>(string relation) where T : unmanaged => relation switch
    {
        "eq" => &Compare.Set<Equal<T>, T>,
        "ne" => &Compare.Set<NotEqual<T>, T>,
        _ => null,
    };

    static delegate*<Warp, Operation*, uint, void> SignedRelation<T>(string relation) where T : unmanaged => relation switch
    {
        "lt" => &Compare.Set<Less<T>, T>,
        "le" => &Compare.Set<LessOrEqual<T>, T>,
        "gt" => &Compare.Set<Greater<T>, T>,
        "ge" => &Compare.Set<GreaterOrEqual<T>, T>,
        _ => EqualityOf<T>(relation),
    };

    static delegate*<Warp, Operation*, uint, void> UnsignedRelation<T>(string relation) where T : unmanaged
        => SignedRelation<T>(relation switch { "lo" => "lt", "ls" => "le", "hi" => "gt", "hs" => "ge", _ => relation });

    static delegate*<Warp, Operation*, uint, void> Relation16(string relation) => relation switch
    {
        "lt" => &Compare.Set<Extended16<Less<int>>, int>,
        "le" => &Compare.Set<Extended16<LessOrEqual<int>>, int>,
        "gt" => &Compare.Set<Extended16<Greater<int>>, int>,
        "ge" => &Compare.Set<Extended16<GreaterOrEqual<int>>, int>,
        _ => EqualityOf<uint>(relation),
    };

    static delegate*<Warp, Operation*, uint, void> FloatRelation<T>(string relation) where T : unmanaged => relation switch
    {
        "equ" => &Compare.Set<OrUnordered<Equal<T>, T>, T>,
        "neu" => &Compare.Set<OrUnordered<NotEqual<T>, T>, T>,
        "ltu" => &Compare.Set<OrUnordered<Less<T>, T>, T>,
        "leu" => &Compare.Set<OrUnordered<LessOrEqual<T>, T>, T>,
        "gtu" => &Compare.Set<OrUnordered<Greater<T>, T>, T>,
        "geu" => &Compare.Set<OrUnordered<GreaterOrEqual<T>, T>, T>,
        "num" => &Compare.Set<Ordered<T>, T>,
        "nan" => &Compare.Set<OrUnordered<Never<T>, T>, T>,
        _ => SignedRelation<T>(relation),
    };

    static delegate*<Warp, Operation*, uint, void> FlushedRelationOf(string relation) => relation switch
    {
        "eq" => &Compare.Set<FlushedRelation<Equal<float>>, float>,
        "ne" => &Compare.Set<FlushedRelation<NotEqual<float>>, float>,
        "lt" => &Compare.Set<FlushedRelation<Less<float>>, float>,
        "le" => &Compare.Set<FlushedRelation<LessOrEqual<float>>, float>,
        "gt" => &Compare.Set<FlushedRelation<Greater<float>>, float>,
        "ge" => &Compare.Set<FlushedRelation<GreaterOrEqual<float>>, float>,
        "equ" => &Compare.Set<FlushedRelation<OrUnordered<Equal<float>, float>>, float>,
        "neu" => &Compare.Set<FlushedRelation<OrUnordered<NotEqual<float>, float>>, float>,
        "ltu" => &Compare.Set<FlushedRelation<OrUnordered<Less<float>, float>>, float>,
        "leu" => &Compare.Set<FlushedRelation<OrUnordered<LessOrEqual<float>, float>>, float>,
        "gtu" => &Compare.Set<FlushedRelation<OrUnordered<Greater<float>, float>>, float>,
        "geu" => &Compare.Set<FlushedRelation<OrUnordered<GreaterOrEqual<float>, float>>, float>,
        "num" or "nan" => FloatRelation<float>(relation),
        _ => null,
    };
}
