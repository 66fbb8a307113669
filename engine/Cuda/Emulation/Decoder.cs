using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Turns the statements of a kernel into operations on a register file.</summary>
internal sealed unsafe class Decoder
{
    readonly PtxKernel kernel;
    readonly Body body;
    readonly FlowGraph graph;
    readonly Liveness liveness;
    readonly Code code;
    readonly Dictionary<(ulong Bits, RegisterClass Width, string? Symbol), int> constants = [];
    readonly Dictionary<(string Name, bool Wide), int> specials = [];
    readonly int[] wordOf;                      // of tracked registers: where their set lanes are noted
    readonly int words, doubles, sink;
    int end;

    Decoder(PtxKernel kernel, PtxReader reader)
    {
        this.kernel = kernel;
        body = Body.Read(kernel, reader);
        if (body.Statements.Count == 0 || body.Statements[^1] is not ({ Opcode.Flow: Flow.Return or Flow.Branch, Guard: < 0 }))
            throw new EmulationException($"{kernel.Name}: the code runs past its end: 'ret' is missing");
        graph = new(body.Statements);
        liveness = new(body, graph);
        code = new(kernel, [.. body.Statements]);
        words = Align(4 * liveness.SlotCounts[0]);
        doubles = words + 128 * liveness.SlotCounts[1];
        sink = doubles + 256 * liveness.SlotCounts[2];
        end = sink + 256;
        wordOf = new int[body.Registers.Count];
    }

    internal static Code Decode(PtxKernel kernel, PtxReader reader) => new Decoder(kernel, reader).Run();

    static int Align(int bytes) => (bytes + 63) / 64 * 64;

    Code Run()
    {
        Track();
        for (int i = 0; i < code.Length; i++) Decode(i, code.Operations + i);
        MarkStraight();
        code.FileBytes = Align(end);
        code.SharedBytes = body.SharedBytes;
        code.DynamicOffset = body.DynamicOffset;
        code.SharedVariables = [.. body.SharedVariables];
        code.RegisterPressure = liveness.Pressure;
        return code;
    }

    /// <summary>Finds registers that may be read before they are set, and those that may get such a value by a move.</summary>
    void Track()
    {
        for (int r = 0; r < wordOf.Length; r++) if (liveness.MayBeUnset(r)) Track(r);
        for (bool changed = code.Tracked.Count > 0; changed;)
        {
            changed = false;
            foreach (Statement s in code.Statements)
                if (s.Opcode.Copies && s.Reads.Any(r => wordOf[r] > 0) && s.Writes.Any(r => wordOf[r] == 0)) foreach (int r in s.Writes) changed |= Track(r);
        }
        end = Align(end);

        bool Track(int register)
        {
            if (wordOf[register] > 0) return false;
            wordOf[register] = end;
            code.Tracked.Add(end);
            end += 4;
            return true;
        }
    }

    void Decode(int index, Operation* o)
    {
        Statement statement = code.Statements[index];
        Opcode opcode = statement.Opcode;
        o->Run = opcode.Run;
        (o->Modifier, o->Guard, o->Target) = (opcode.Modifier, -1, statement.Target);
        if (statement.Guard >= 0) (o->Guard, o->GuardFlip) = (Slot(statement.Guard), statement.GuardNegated ? uint.MaxValue : 0);
        if (opcode.Flow == Flow.Branch) o->Reconverge = graph.ReconvergenceOf(index);
        code.OrdersBlocks |= opcode.OrdersBlocks;
        o->D = o->E = o->A = o->B = o->C = o->F = -1;
        List<int> list = [];
        Places places = new();
        for (int i = 0; i < statement.Operands.Length; i++) DecodeOperand(statement, statement.Operands[i], opcode.Operands[i], o, list, ref places);
        if (opcode.Loads && statement.Operands[0] is { Kind: OperandKind.Vector, Parts: { } parts })
            for (int v = 0; v < parts.Length; v++)
                if (parts[v].Register < 0 || liveness.IsUnread(index, parts[v].Register)) o->Unread |= 1u << v;
        if (opcode.Converts)
        {
            o->Count = BytesOf(statement.Operands[0]);
            if (statement.Operands[1].Kind == OperandKind.Register && BytesOf(statement.Operands[1]) == 8) o->Modifier |= Conversions.WideSource;
        }
        if (list.Count > 0)
        {
            o->List = (int*)NativeMemory.Alloc((nuint)list.Count, sizeof(int));
            list.CopyTo(new Span<int>(o->List, list.Count));
        }
        if (code.Tracked.Count > 0 && (statement.Reads.Any(r => wordOf[r] > 0) || statement.Writes.Any(r => wordOf[r] > 0))) AddTracking(statement, o);
    }

    struct Places
    {
        internal int Destinations, Sources, Addresses;
    }

    void DecodeOperand(Statement statement, in Operand operand, char letter, Operation* o, List<int> list, ref Places places)
    {
        switch (letter)
        {
            case 'l': return;
            case 'i': o->Count = (int)operand.Value; return;
            case 'm': DecodeAddress(statement, operand, o, ref places); return;
            case 'V' or 'v':
                // The width of the elements is the opcode's; the count of a load or store is the vector's.
                foreach (Operand part in operand.Parts!) list.Add(Source(statement, part, WidthOf(statement, part, letter)));
                o->Count = operand.Parts!.Length;
                Choose(statement.Opcode, operand.Parts![0], o);
                return;
            case 'X' or 'x': Choose(statement.Opcode, operand, o); break;
        }
        if (operand.Kind == OperandKind.Pair)
        {
            Destination(o, Slot(operand.Parts![0]), ref places);
            Destination(o, Slot(operand.Parts![1]), ref places);
        }
        else if (char.IsAsciiLetterUpper(letter)) Destination(o, Slot(operand), ref places);
        else if (operand.Kind == OperandKind.Special && SpecialRegisters.IsClock(operand.Name!)) o->Run = &Control.ReadClock;
        else AddSource(o, Source(statement, operand, WidthOf(statement, operand, letter)), operand.Negated, ref places);
    }

    /// <summary>An operand of any width decides which form of the instruction runs.</summary>
    void Choose(Opcode opcode, in Operand operand, Operation* o)
    {
        if (operand.Kind != OperandKind.Register) return;
        if (body.Registers[operand.Register] == RegisterClass.Bits16 && opcode.Run16 != null) o->Run = opcode.Run16;
        if (body.Registers[operand.Register] == RegisterClass.Bits64 && opcode.Run64 != null) o->Run = opcode.Run64;
    }

    RegisterClass WidthOf(Statement statement, in Operand operand, char letter) => char.ToLowerInvariant(letter) switch
    {
        'p' => RegisterClass.Predicate,
        'h' => RegisterClass.Bits16,
        'd' => RegisterClass.Bits64,
        'r' => RegisterClass.Bits32,
        _ when operand.Kind == OperandKind.Register => body.Registers[operand.Register],
        _ => statement.Opcode.ConstantWidth,
    };

    static void Destination(Operation* o, int offset, ref Places places)
    {
        if (places.Destinations++ == 0) o->D = offset;
        else o->E = offset;
    }

    static void AddSource(Operation* o, int offset, bool negated, ref Places places)
    {
        if (negated) o->Modifier |= Compare.NegatedSource;
        switch (places.Sources++)
        {
            case 0: o->A = offset; break;
            case 1: o->B = offset; break;
            case 2: o->C = offset; break;
            default: o->F = offset; break;
        }
    }

    void DecodeAddress(Statement statement, in Operand operand, Operation* o, ref Places places)
    {
        Operand origin = operand.Parts![0];
        RegisterClass width = origin.Kind == OperandKind.Register ? body.Registers[origin.Register] : RegisterClass.Bits64;
        if (width is not (RegisterClass.Bits32 or RegisterClass.Bits64)) throw new EmulationException("an address has 32 or 64 bits", kernel.Name, statement.Line, statement.Text);
        int offset = Source(statement, origin, width);
        if (places.Addresses++ == 0) (o->A, o->Offset, o->Wide, places.Sources) = (offset, operand.Value, width == RegisterClass.Bits64, places.Sources + 1);
        else (o->B, o->SourceOffset, o->WideSource, places.Sources) = (offset, operand.Value, width == RegisterClass.Bits64, places.Sources + 1);
    }

    int BytesOf(in Operand operand) => body.Registers[operand.Register] switch { RegisterClass.Bits16 => 2, RegisterClass.Bits32 => 4, _ => 8 };

    int Slot(in Operand operand) => operand.Kind == OperandKind.Sink ? sink : Slot(operand.Register);

    int Slot(int register) => Liveness.PoolOf(body.Registers[register]) switch
    {
        0 => 4 * liveness.Slots[register],
        1 => words + 128 * liveness.Slots[register],
        _ => doubles + 256 * liveness.Slots[register],
    };

    int Source(Statement statement, in Operand operand, RegisterClass width) => operand.Kind switch
    {
        OperandKind.Register => Slot(operand.Register),
        OperandKind.Sink => sink,
        OperandKind.Special => Special(operand.Name!, width == RegisterClass.Bits64),
        OperandKind.Symbol => Symbol(statement, operand, width),
        _ => Constant(operand.Bits(width), width, null),
    };

    int Symbol(Statement statement, in Operand operand, RegisterClass width)
    {
        string name = operand.Name!;
        foreach (PtxParameter parameter in kernel.Parameters)
            if (parameter.Name == name) return Constant((ulong)(parameter.Offset + operand.Value), width, null);
        if (body.TryShared(name, out int offset)) return Constant((ulong)(offset + operand.Value), width, null);
        if (kernel.Module.Variables.ContainsKey(name)) return Constant((ulong)operand.Value, width, name);
        throw new EmulationException($"'{name}' is not declared", kernel.Name, statement.Line, statement.Text);
    }

    int Constant(ulong bits, RegisterClass width, string? symbol)
    {
        if (constants.TryGetValue((bits, width, symbol), out int offset)) return offset;
        offset = constants[(bits, width, symbol)] = end;
        end += width == RegisterClass.Bits64 ? 256 : 128;
        code.Constants.Add(new(offset, width, bits, symbol));
        return offset;
    }

    int Special(string name, bool wide)
    {
        if (specials.TryGetValue((name, wide), out int offset)) return offset;
        offset = specials[(name, wide)] = end;
        end += wide ? 256 : 128;
        code.Specials.Add(new(offset, wide, SpecialRegisters.Values(name), SpecialRegisters.ChangesWithBlock(name)));
        return offset;
    }

    void AddTracking(Statement statement, Operation* o)
    {
        int[] reads = [.. statement.Reads.Where(r => wordOf[r] > 0).Select(r => wordOf[r])], writes = [.. statement.Writes.Where(r => wordOf[r] > 0).Select(r => wordOf[r])];
        o->Tracking = (int*)NativeMemory.Alloc((nuint)(reads.Length + writes.Length + 2), sizeof(int));
        int* at = o->Tracking;
        *at++ = reads.Length;
        foreach (int word in reads) *at++ = word;
        *at++ = writes.Length;
        foreach (int word in writes) *at++ = word;
        o->Inner = o->Run;
        o->Run = statement.Opcode.Copies ? &Control.RunCopy : &Control.RunTracked;
    }

    void MarkStraight()
    {
        for (int b = 0; b < graph.Count; b++)
        {
            int run = 0;
            for (int i = graph.End(b) - 1; i >= graph.Start(b); i--)
            {
                run = code.Operations[i].Guard >= 0 || code.Statements[i].Opcode.Flow != Flow.Straight ? 0 : run + 1;
                code.Operations[i].Straight = run;
            }
        }
    }
}
