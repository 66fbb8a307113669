namespace MiniTorch.Cuda.Emulation;

/// <summary>Operands as written against the pattern of their opcode.</summary>
internal static class Signature
{
    internal static void Check(Opcode opcode, Statement statement, List<RegisterClass> registers, string kernel)
    {
        string pattern = opcode.Operands;
        int count = statement.Operands.Length, vector = 0;
        if (count < opcode.Required || count > pattern.Length) throw Error(statement, kernel, $"{count} operands, but {(opcode.Required == pattern.Length ? "" : $"{opcode.Required} to ")}{pattern.Length} are wanted");
        for (int i = 0; i < count; i++)
        {
            Operand operand = statement.Operands[i];
            char letter = pattern[i];
            if (operand.Kind == OperandKind.Pair)
            {
                // d|p: the second half is a predicate that also tells something about the result.
                Check(operand.Parts![0], letter, i);
                Check(operand.Parts![1], 'P', i);
            }
            else if (letter is 'V' or 'v')
            {
                int wanted = opcode.Vectors![vector++];
                if (operand.Kind != OperandKind.Vector || operand.Parts!.Length != wanted) throw Error(statement, kernel, $"operand {i + 1} must be a vector of {wanted}");
                foreach (Operand part in operand.Parts) Check(part, letter == 'V' ? 'X' : 'x', i);
            }
            else Check(operand, letter, i);
        }

        void Check(in Operand operand, char letter, int i)
        {
            bool fits = operand.Kind switch
            {
                OperandKind.Register => Fits(registers[operand.Register], letter) && (letter is not ('X' or 'x') || Bytes(registers[operand.Register]) >= opcode.LeastBytes),
                OperandKind.Special => letter is 'r' or 'd' or 'x' or 'h',
                OperandKind.Sink => char.IsAsciiLetterUpper(letter),
                OperandKind.Symbol => letter is 'l' or 'r' or 'd' or 'x',
                OperandKind.Address => letter == 'm',
                OperandKind.Integer => char.IsAsciiLetterLower(letter) && letter is not ('l' or 'm'),
                OperandKind.Vector => false,
                _ => letter is 'r' or 'd' or 'x',
            };
            if (!fits) throw Error(statement, kernel, $"operand {i + 1} must be {Wanted(letter)}");
        }
    }

    static bool Fits(RegisterClass width, char letter) => char.ToUpperInvariant(letter) switch
    {
        'P' => width == RegisterClass.Predicate,
        'H' => width == RegisterClass.Bits16,
        'R' => width == RegisterClass.Bits32,
        'D' => width == RegisterClass.Bits64,
        'X' => width != RegisterClass.Predicate,
        _ => false,
    };

    /// <summary>A byte may stand in a register of 16 bits; wider ones must have room.</summary>
    static int Bytes(RegisterClass width) => width switch { RegisterClass.Bits16 => 2, RegisterClass.Bits32 => 4, _ => 8 };

    static string Wanted(char letter) => letter switch
    {
        'm' => "an address in brackets",
        'i' => "an integer constant",
        'l' => "a label",
        'P' or 'p' => "a predicate",
        _ => (char.IsAsciiLetterUpper(letter) ? "a register" : "a register or constant") + char.ToUpperInvariant(letter) switch { 'H' => " of 16 bits", 'R' => " of 32 bits", 'D' => " of 64 bits", _ => "" },
    };

    static EmulationException Error(Statement statement, string kernel, string problem) => new(problem, kernel, statement.Line, statement.Text);
}
