namespace MiniTorch.Cuda.Emulation;

/// <summary>A declared variable or parameter: <c>.shared .align 16 .b8 tile[4096]</c>.</summary>
internal readonly record struct PtxDeclaration(string Space, string Type, string Name, int Alignment, int Bytes)
{
    /// <summary>Reads from the state space to the brackets. Bytes of <c>name[]</c> are 0.</summary>
    internal static PtxDeclaration Read(PtxReader reader)
    {
        string space = reader.Name();
        int alignment = 0;
        if (reader.Accept(".align")) alignment = reader.Count();
        string type = reader.Name();
        int element = SizeOf(type);
        if (element == 0) throw new EmulationException($"unknown type '{type}'", null, reader.Line, reader.LineText);
        while (reader.Is(".ptr") || reader.Is(".global") || reader.Is(".align"))             // hints of pointer parameters
        {
            bool aligned = reader.Is(".align");
            reader.Advance();
            if (aligned) reader.Count();
        }
        string name = reader.Name();
        long elements = 1;
        while (reader.Accept('['))
        {
            elements *= reader.Is(']') ? 0 : reader.Count();
            reader.Expect(']');
        }
        return new(space, type, name, Math.Max(alignment, element), checked((int)(element * elements)));
    }

    /// <summary>Bytes of an element of a type, 0 where it is no type.</summary>
    internal static int SizeOf(string type) => type switch
    {
        ".b8" or ".u8" or ".s8" => 1,
        ".b16" or ".u16" or ".s16" or ".f16" or ".bf16" => 2,
        ".b32" or ".u32" or ".s32" or ".f32" => 4,
        ".b64" or ".u64" or ".s64" or ".f64" => 8,
        _ => 0,
    };

    /// <summary>Reads the value behind <c>=</c>: a number or braces of numbers; what is not written is 0.</summary>
    internal byte[] ReadInitial(PtxReader reader)
    {
        byte[] bytes = new byte[Bytes];
        int at = 0;
        ReadValues(reader, bytes, ref at);
        return bytes;
    }

    void ReadValues(PtxReader reader, byte[] bytes, ref int at)
    {
        if (reader.Accept('{'))
        {
            do ReadValues(reader, bytes, ref at);
            while (reader.Accept(','));
            reader.Expect('}');
            return;
        }
        bool negative = reader.Accept('-');
        if (!Operand.TryNumber(reader.Token, negative, out Operand number)) throw reader.Unexpected("a number");
        int size = SizeOf(Type);
        if (at + size > bytes.Length) throw new EmulationException($"'{Name}' has more initial values than elements", null, reader.Line, reader.LineText);
        ulong bits = number.Bits(size == 8 ? RegisterClass.Bits64 : RegisterClass.Bits32);
        for (int i = 0; i < size; i++) bytes[at++] = (byte)(bits >> 8 * i);
        reader.Advance();
    }
}
