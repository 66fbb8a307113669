namespace MiniTorch.Cuda.Emulation;

/// <summary>An instruction as written, its registers numbered.</summary>
internal sealed class Statement(Opcode opcode, int line, string text)
{
    internal Opcode Opcode { get; } = opcode;

    internal int Line { get; } = line;

    internal string Text { get; } = text;

    internal Operand[] Operands { get; set; } = [];

    /// <summary>Predicate register that says which lanes take part, or −1.</summary>
    internal int Guard { get; set; } = -1;

    internal bool GuardNegated { get; set; }

    /// <summary>Where a branch goes, as a statement's number.</summary>
    internal int Target { get; set; } = -1;

    /// <summary>Registers that the statement writes, in the order of its operands.</summary>
    internal int[] Writes { get; set; } = [];

    /// <summary>Registers that it reads: operands, address, guard.</summary>
    internal int[] Reads { get; set; } = [];
}
