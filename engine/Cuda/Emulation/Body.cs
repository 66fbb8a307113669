using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>A kernel's statements as read: registers numbered, labels resolved, shared variables placed.</summary>
internal sealed class Body
{
    readonly PtxKernel kernel;
    readonly PtxReader reader;
    readonly List<(Statement Branch, Scope Scope, string Label)> branches = [];
    readonly Dictionary<string, (int Offset, bool Dynamic)> shared = new(StringComparer.Ordinal);
    readonly List<int> read = [], written = [];
    Scope scope = new(null);
    (string Name, int Start, int Line) pending;            // a name that turned out to be no label, so that of an instruction

    Body(PtxKernel kernel, PtxReader reader) => (this.kernel, this.reader) = (kernel, reader);

    internal List<Statement> Statements { get; } = [];

    /// <summary>Width of every register.</summary>
    internal List<RegisterClass> Registers { get; } = [];

    /// <summary>Bytes of the shared variables that the kernel uses, without the dynamic part.</summary>
    internal int SharedBytes { get; private set; }

    /// <summary>Shared variables by offset, for messages.</summary>
    internal IEnumerable<(string Name, int Offset)> SharedVariables => shared.Where(v => !v.Value.Dynamic).Select(v => (v.Key, v.Value.Offset));

    /// <summary>The dynamic part of shared memory begins behind the variables.</summary>
    internal int DynamicOffset => (SharedBytes + 15) / 16 * 16;

    internal static Body Read(PtxKernel kernel, PtxReader reader)
    {
        Body body = new(kernel, reader);
        reader.Expect('{');
        for (int depth = 1; depth > 0;)
        {
            if (reader.AtEnd) throw reader.Unexpected("'}'");
            if (reader.Accept('{'))
            {
                body.scope = new(body.scope);
                depth++;
            }
            else if (reader.Is('}'))
            {
                body.scope = body.scope.Outer ?? body.scope;
                if (--depth > 0) reader.Advance();
                else break;
            }
            else body.ReadLine();
        }
        body.Link();
        return body;
    }

    /// <summary>Offset of a shared variable, if the name is one.</summary>
    internal bool TryShared(string name, out int offset)
    {
        if (!shared.TryGetValue(name, out (int Offset, bool Dynamic) place))
        {
            offset = 0;
            if (!kernel.Module.Shared.TryGetValue(name, out (int Alignment, int Bytes) outside)) return false;
            place = Place(name, outside.Alignment, outside.Bytes);
        }
        offset = place.Dynamic ? DynamicOffset : place.Offset;
        return true;
    }

    (int Offset, bool Dynamic) Place(string name, int alignment, int bytes)
    {
        int offset = (SharedBytes + alignment - 1) / alignment * alignment;
        if (bytes > 0) SharedBytes = offset + bytes;
        return shared[name] = (offset, bytes == 0);
    }

    void ReadLine()
    {
        if (reader.IsDirective) ReadDirective();
        else if (reader.Is(';')) reader.Advance();
        else if (reader.Is('@') || !IsLabel(out string label)) ReadStatement();
        else scope.Labels[label] = Statements.Count;
    }

    bool IsLabel(out string label)
    {
        label = "";
        int start = reader.Start, line = reader.Line;
        string name = reader.Name();
        if (reader.Accept(':'))
        {
            label = name;
            return true;
        }
        pending = (name, start, line);
        return false;
    }

    void ReadDirective()
    {
        if (reader.Accept(".reg")) ReadRegisters();
        else if (reader.Is(".shared"))
        {
            PtxDeclaration declaration = PtxDeclaration.Read(reader);
            Place(declaration.Name, declaration.Alignment, declaration.Bytes);
            reader.Expect(';');
        }
        else if (reader.Accept(".pragma"))
        {
            reader.Advance();
            reader.Expect(';');
        }
        else if (reader.Accept(".loc"))
        {
            for (int i = 0; i < 3; i++) reader.Count();
            if (reader.Accept(',')) while (!reader.IsDirective && !reader.AtEnd) reader.Advance();
        }
        else if (reader.Is(".local")) throw Error("local memory is not supported: arrays in registers need indices known to the compiler");
        else throw Error($"unknown directive '{reader.Token}'");
    }

    void ReadRegisters()
    {
        string type = reader.Name();
        RegisterClass width = type == ".pred" ? RegisterClass.Predicate : PtxDeclaration.SizeOf(type) switch
        {
            2 => RegisterClass.Bits16,
            4 => RegisterClass.Bits32,
            8 => RegisterClass.Bits64,
            _ => throw Error($"registers of type '{type}' are not supported"),
        };
        do
        {
            string name = reader.Name();
            int count = 1;
            if (reader.Accept('<'))
            {
                count = reader.Count();
                reader.Expect('>');
                scope.Ranges[name] = (Registers.Count, count);
            }
            else scope.Registers[name] = Registers.Count;
            for (int i = 0; i < count; i++) Registers.Add(width);
        }
        while (reader.Accept(','));
        reader.Expect(';');
    }

    void ReadStatement()
    {
        int guard = -1, start = reader.Start, line = reader.Line;
        bool negated = false;
        if (reader.Accept('@'))
        {
            negated = reader.Accept('!');
            guard = Register(reader.Token);
            if (guard < 0) throw Error($"'{reader.Token}' is no predicate");
            reader.Advance();
            pending = (reader.Name(), start, line);
        }
        string mnemonic = pending.Name;
        (start, line) = (pending.Start, pending.Line);
        Opcode opcode = Opcode.Find(mnemonic) ?? throw new EmulationException(Opcode.WhyUnknown(mnemonic), kernel.Name, line, reader.TextAt(start, 0));
        List<Operand> operands = [];
        if (!reader.Is(';'))
            do operands.Add(ReadOperand());
            while (reader.Accept(','));
        reader.Expect(';');
        opcode = OpcodeTable.Packing(mnemonic, CollectionsMarshal.AsSpan(operands)) ?? opcode;
        Statement statement = new(opcode, line, reader.TextAt(start, reader.PreviousEnd - start)) { Operands = [.. operands], Guard = guard, GuardNegated = negated };
        if (opcode.Flow == Flow.Branch && operands is [{ Kind: OperandKind.Symbol } label]) branches.Add((statement, scope, label.Name!));
        Signature.Check(opcode, statement, Registers, kernel.Name);
        Classify(statement);
        Statements.Add(statement);
    }

    void Classify(Statement statement)
    {
        read.Clear();
        written.Clear();
        string signature = statement.Opcode.Operands;
        for (int i = 0; i < statement.Operands.Length; i++) Collect(statement.Operands[i], char.IsAsciiLetterUpper(signature[i]));
        if (statement.Guard >= 0) read.Add(statement.Guard);
        (statement.Reads, statement.Writes) = ([.. read], [.. written]);
    }

    void Collect(in Operand operand, bool destination)
    {
        if (operand.Register >= 0) (destination ? written : read).Add(operand.Register);
        if (operand.Kind == OperandKind.Symbol) TryShared(operand.Name!, out _);         // all variables have a place before the dynamic part begins
        foreach (Operand part in operand.Parts ?? []) Collect(part, destination);
    }

    Operand ReadOperand()
    {
        if (reader.Accept('['))
        {
            Operand origin = ReadSimple();
            long offset = 0;
            while (reader.Is('+') || reader.Is('-')) offset += ReadOffset();
            reader.Expect(']');
            if (origin.Kind == OperandKind.Symbol) (origin, offset) = (origin with { Value = 0 }, offset + origin.Value);
            return new(OperandKind.Address, Value: offset, Parts: [origin]);
        }
        if (reader.Accept('{'))
        {
            List<Operand> parts = [];
            do parts.Add(ReadSimple());
            while (reader.Accept(','));
            reader.Expect('}');
            return new(OperandKind.Vector, Parts: [.. parts]);
        }
        Operand first = ReadSimple();
        return reader.Accept('|') ? new(OperandKind.Pair, Parts: [first, ReadSimple()]) : first;
    }

    long ReadOffset()
    {
        bool negative = reader.Is('-');
        reader.Advance();
        negative ^= reader.Accept('-');
        if (!Operand.TryNumber(reader.Token, negative, out Operand number)) throw reader.Unexpected("an offset");
        reader.Advance();
        return number.Value;
    }

    Operand ReadSimple()
    {
        bool not = reader.Accept('!'), minus = reader.Accept('-');
        if (!reader.IsWord) throw Error($"'{reader.Token}' is no operand");
        if (Operand.TryNumber(reader.Token, minus, out Operand operand))
        {
            reader.Advance();
            return operand;
        }
        int register = Register(reader.Token);
        if (register >= 0)
        {
            reader.Advance();
            return new(OperandKind.Register, register, Negated: not);
        }
        if (reader.Accept("_")) return new(OperandKind.Sink);
        if (reader.Token[0] == '%') return new(OperandKind.Special, Name: SpecialRegister(reader.Name()));
        string name = reader.Name();
        return new(OperandKind.Symbol, Value: reader.Is('+') ? ReadOffset() : 0, Name: name);
    }

    string SpecialRegister(string name) => SpecialRegisters.Exists(name) ? name : throw Error($"'{name}' is neither a declared register nor a known special register");

    int Register(ReadOnlySpan<char> name)
    {
        int digits = name.Length;
        while (digits > 0 && char.IsAsciiDigit(name[digits - 1])) digits--;
        for (Scope? s = scope; s is not null; s = s.Outer)
        {
            if (s.NamedRegisters.TryGetValue(name, out int register)) return register;
            if (digits < name.Length && s.NamedRanges.TryGetValue(name[..digits], out (int First, int Count) range)
                && int.TryParse(name[digits..], out int index) && index < range.Count) return range.First + index;
        }
        return -1;
    }

    void Link()
    {
        foreach ((Statement branch, Scope from, string label) in branches)
        {
            Scope? s = from;
            while (s is not null && !s.Labels.ContainsKey(label)) s = s.Outer;
            branch.Target = s?.Labels[label] ?? throw new EmulationException($"there is no label '{label}'", kernel.Name, branch.Line, branch.Text);
        }
    }

    EmulationException Error(string problem) => new(problem, kernel.Name, reader.Line, reader.LineText);

    /// <summary>Names between two braces; inner ones hide outer ones.</summary>
    sealed class Scope
    {
        internal Scope(Scope? outer)
        {
            Outer = outer;
            NamedRegisters = Registers.GetAlternateLookup<ReadOnlySpan<char>>();
            NamedRanges = Ranges.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        internal Scope? Outer { get; }
        internal Dictionary<string, int> Registers { get; } = new(StringComparer.Ordinal);
        internal Dictionary<string, (int First, int Count)> Ranges { get; } = new(StringComparer.Ordinal);
        internal Dictionary<string, int> Labels { get; } = new(StringComparer.Ordinal);
        internal Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> NamedRegisters { get; }
        internal Dictionary<string, (int First, int Count)>.AlternateLookup<ReadOnlySpan<char>> NamedRanges { get; }
    }
}
