namespace MiniTorch.Cuda.Emulation;

internal static unsafe partial class OpcodeTable
{
    /// <summary>ld and st: state space, vector, type; hints to caches and orders of memory change nothing here.</summary>
    static Opcode? Transfer(string[] parts)
    {
        string space = "", vector = "";
        for (int i = 1; i < parts.Length - 1; i++)
        {
            string part = parts[i];
            if (part is "global" or "shared" or "shared::cta" or "const" or "param" && space == "") space = part;
            else if (part is "v2" or "v4" && vector == "") vector = part;
            else if (!IsHint(part)) return null;
        }
        int count = vector == "" ? 1 : vector[1] - '0', bytes = PtxDeclaration.SizeOf("." + parts[^1]);
        if (bytes == 0 || bytes * count > 16) return null;
        string data = vector == "" ? "X" : "V";
        bool load = parts[0] != "st";
        if (!load && space is "const" or "param" || parts[0] == "ldu" && space != "global") return null;
        return space switch
        {
            "global" => load ? Loading<GlobalSpace>(parts[^1], data, count) : Storing<GlobalSpace>(bytes, data, count),
            "shared" or "shared::cta" => load ? Loading<SharedSpace>(parts[^1], data, count) : Storing<SharedSpace>(bytes, data, count),
            "const" => Loading<ConstantSpace>(parts[^1], data, count),
            "param" => Loading<ParameterSpace>(parts[^1], data, count),
            _ => null,
        };
    }

    static bool IsHint(string part) => part is "nc" or "ca" or "cg" or "cs" or "cv" or "lu" or "wb" or "wt" or "volatile" or "relaxed" or "acquire" or "release" or "weak"
        or "cta" or "gpu" or "sys" or "cluster" || part.StartsWith("L1::", StringComparison.Ordinal) || part.StartsWith("L2::", StringComparison.Ordinal);

    static Opcode? Loading<TSpace>(string type, string data, int count) where TSpace : ISpace => type switch
    {
        "b8" or "u8" => Loading<TSpace, byte>(data, count),
        "s8" => Loading<TSpace, sbyte>(data, count),
        "b16" or "u16" => Loading<TSpace, ushort>(data, count),
        "s16" => Loading<TSpace, short>(data, count),
        "b32" or "u32" or "f32" => Loading<TSpace, uint>(data, count),
        "s32" => Loading<TSpace, int>(data, count),
        "b64" or "u64" or "s64" or "f64" => Loading<TSpace, ulong>(data, count),
        _ => null,
    };

    static Opcode Loading<TSpace, T>(string data, int count) where TSpace : ISpace where T : unmanaged, IBinaryInteger<T>
        => new(&Transfers.Load<TSpace, T, uint>, data + "m") { Run16 = &Transfers.Load<TSpace, T, ushort>, Run64 = &Transfers.Load<TSpace, T, ulong>, Vectors = [count], LeastBytes = sizeof(T), Loads = true };

    static Opcode? Storing<TSpace>(int bytes, string data, int count) where TSpace : ISpace => bytes switch
    {
        1 => Storing<TSpace, byte>(data, count),
        2 => Storing<TSpace, ushort>(data, count),
        4 => Storing<TSpace, uint>(data, count),
        _ => Storing<TSpace, ulong>(data, count),
    };

    static Opcode Storing<TSpace, T>(string data, int count) where TSpace : ISpace where T : unmanaged, IBinaryInteger<T>
    {
        RegisterClass constants = sizeof(T) == 8 ? RegisterClass.Bits64 : RegisterClass.Bits32;
        string operands = "m" + (data == "X" ? "x" : "v");
        // A constant has no register to choose by: its width is the type's.
        return sizeof(T) == 8
            ? new(&Transfers.Store<TSpace, T, ulong>, operands) { Vectors = [count], ConstantWidth = constants, LeastBytes = sizeof(T) }
            : new(&Transfers.Store<TSpace, T, uint>, operands) { Run64 = &Transfers.Store<TSpace, T, ulong>, Vectors = [count], ConstantWidth = constants, LeastBytes = sizeof(T) };
    }

    /// <summary>atom and red: {.order}{.scope}.space.operation.type.</summary>
    static Opcode? Atomic(string[] parts)
    {
        bool returns = parts[0] == "atom", global = false, shared = false;
        string operation = "";
        for (int i = 1; i < parts.Length - 1; i++)
        {
            string part = parts[i];
            if (part == "global") global = true;
            else if (part is "shared" or "shared::cta") shared = true;
            else if (part is "relaxed" or "acquire" or "release" or "acq_rel" or "cta" or "gpu" or "sys" or "noftz") continue;
            else if (operation == "") operation = part;
            else return null;
        }
        if (global == shared) return null;
        delegate*<Warp, Operation*, uint, void> run = global ? Atomic<GlobalSpace>(operation, parts[^1]) : Atomic<SharedSpace>(operation, parts[^1]);
        if (run == null || operation == "cas" && !returns) return null;
        bool wide = parts[^1].EndsWith("64", StringComparison.Ordinal);
        string value = wide ? "d" : "r", operands = (returns ? value.ToUpperInvariant() : "") + "m" + value + (operation == "cas" ? value : "");
        return new(run, operands, Kind.Atomic) { OrdersBlocks = global };
    }

    static delegate*<Warp, Operation*, uint, void> Atomic<TSpace>(string operation, string type) where TSpace : ISpace => (operation, type) switch
    {
        ("add", "u32" or "s32") => &Atomics.Run<TSpace, AtomicAdd<uint>, uint>,
        ("add", "u64") => &Atomics.Run<TSpace, AtomicAdd<ulong>, ulong>,
        ("add", "f32") => &Atomics.Run<TSpace, AtomicAdd<float>, float>,
        ("add", "f64") => &Atomics.Run<TSpace, AtomicAdd<double>, double>,
        ("min", "u32") => &Atomics.Run<TSpace, AtomicMin<uint>, uint>,
        ("min", "s32") => &Atomics.Run<TSpace, AtomicMin<int>, int>,
        ("min", "u64") => &Atomics.Run<TSpace, AtomicMin<ulong>, ulong>,
        ("min", "s64") => &Atomics.Run<TSpace, AtomicMin<long>, long>,
        ("max", "u32") => &Atomics.Run<TSpace, AtomicMax<uint>, uint>,
        ("max", "s32") => &Atomics.Run<TSpace, AtomicMax<int>, int>,
        ("max", "u64") => &Atomics.Run<TSpace, AtomicMax<ulong>, ulong>,
        ("max", "s64") => &Atomics.Run<TSpace, AtomicMax<long>, long>,
        ("and", "b32") => &Atomics.Run<TSpace, AtomicAnd<uint>, uint>,
        ("or", "b32") => &Atomics.Run<TSpace, AtomicOr<uint>, uint>,
        ("xor", "b32") => &Atomics.Run<TSpace, AtomicXor<uint>, uint>,
        ("and", "b64") => &Atomics.Run<TSpace, AtomicAnd<ulong>, ulong>,
        ("or", "b64") => &Atomics.Run<TSpace, AtomicOr<ulong>, ulong>,
        ("xor", "b64") => &Atomics.Run<TSpace, AtomicXor<ulong>, ulong>,
        ("exch", "b32") => &Atomics.Run<TSpace, AtomicExchange<uint>, uint>,
        ("exch", "b64") => &Atomics.Run<TSpace, AtomicExchange<ulong>, ulong>,
        ("cas", "b32") => &Atomics.Run<TSpace, AtomicCompare<uint>, uint>,
        ("cas", "b64") => &Atomics.Run<TSpace, AtomicCompare<ulong>, ulong>,
        ("inc", "u32") => &Atomics.Run<TSpace, AtomicIncrement, uint>,
        ("dec", "u32") => &Atomics.Run<TSpace, AtomicDecrement, uint>,
        _ => null,
    };

    static Opcode? Exchanging(string mnemonic) => mnemonic switch
    {
        "shfl.sync.up.b32" => new(&Exchange.Shuffle, "Rrrrr") { Modifier = Exchange.Up },
        "shfl.sync.down.b32" => new(&Exchange.Shuffle, "Rrrrr") { Modifier = Exchange.Down },
        "shfl.sync.bfly.b32" => new(&Exchange.Shuffle, "Rrrrr") { Modifier = Exchange.Butterfly },
        "shfl.sync.idx.b32" => new(&Exchange.Shuffle, "Rrrrr") { Modifier = Exchange.Index },
        "vote.sync.all.pred" => new(&Exchange.Vote, "Ppr") { Modifier = Exchange.All },
        "vote.sync.any.pred" => new(&Exchange.Vote, "Ppr") { Modifier = Exchange.Any },
        "vote.sync.uni.pred" => new(&Exchange.Vote, "Ppr") { Modifier = Exchange.Uniform },
        "vote.sync.ballot.b32" => new(&Exchange.Ballot, "Rpr"),
        "activemask.b32" => new(&Exchange.ActiveMask, "R"),
        "redux.sync.add.u32" or "redux.sync.add.s32" => new(&Exchange.Reduce<AtomicAdd<uint>, uint>, "Rrr"),
        "redux.sync.min.u32" => new(&Exchange.Reduce<AtomicMin<uint>, uint>, "Rrr"),
        "redux.sync.min.s32" => new(&Exchange.Reduce<AtomicMin<int>, int>, "Rrr"),
        "redux.sync.max.u32" => new(&Exchange.Reduce<AtomicMax<uint>, uint>, "Rrr"),
        "redux.sync.max.s32" => new(&Exchange.Reduce<AtomicMax<int>, int>, "Rrr"),
        "redux.sync.and.b32" => new(&Exchange.Reduce<AtomicAnd<uint>, uint>, "Rrr"),
        "redux.sync.or.b32" => new(&Exchange.Reduce<AtomicOr<uint>, uint>, "Rrr"),
        "redux.sync.xor.b32" => new(&Exchange.Reduce<AtomicXor<uint>, uint>, "Rrr"),
        _ => null,
    };

    static Opcode? Copying(string mnemonic)
    {
        if (mnemonic == "cp.async.commit_group") return new(&AsyncCopies.Commit, "");
        if (mnemonic == "cp.async.wait_group") return new(&AsyncCopies.Wait, "i");
        if (mnemonic == "cp.async.wait_all") return new(&AsyncCopies.WaitAll, "");
        foreach (string cache in (string[])["ca", "cg"])
            foreach (string space in (string[])["shared", "shared::cta"])
            {
                string plain = $"cp.async.{cache}.{space}.global";
                if (mnemonic == plain || mnemonic.StartsWith(plain + ".L2::", StringComparison.Ordinal)) return new(&AsyncCopies.Begin, "mmi?r");
            }
        return null;
    }

    static Opcode? Matrices(string mnemonic)
    {
        const int Work = 16 * 8;            // multiply-adds for each k
        string load = mnemonic.Replace(".shared::cta.", ".shared.", StringComparison.Ordinal);
        for (int count = 1; count <= 4; count *= 2)
            for (int transposed = 0; transposed < 2; transposed++)
                if (load == $"ldmatrix.sync.aligned.m8n8.x{count}{(transposed > 0 ? ".trans" : "")}.shared.b16")
                    return new(&Matrix.Load, "Vm") { Modifier = transposed, Vectors = [count] };
        return mnemonic switch
        {
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" => new(&Matrix.Brain, "Vvvv", Kind.Matrix) { Modifier = 16, Vectors = [4, 4, 2, 4], MatrixWork = 16 * Work },
            "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32" => new(&Matrix.Brain, "Vvvv", Kind.Matrix) { Modifier = 8, Vectors = [4, 2, 1, 4], MatrixWork = 8 * Work },
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32" => new(&Matrix.Tensor, "Vvvv", Kind.Matrix) { Modifier = 8, Vectors = [4, 4, 2, 4], MatrixWork = 16 * Work },
            "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32" => new(&Matrix.Tensor, "Vvvv", Kind.Matrix) { Modifier = 4, Vectors = [4, 2, 1, 4], MatrixWork = 8 * Work },
            _ => null,
        };
    }
}
