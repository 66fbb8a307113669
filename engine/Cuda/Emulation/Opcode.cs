using System.Collections.Concurrent;

namespace MiniTorch.Cuda.Emulation;

/// <summary>What an instruction does to the flow of its warp.</summary>
internal enum Flow : byte { Straight, Branch, Return, Barrier }

/// <summary>What an instruction counts as.</summary>
internal enum Kind : byte { Other, Fma, Float, Matrix, Atomic, Barrier }

/// <summary>
/// An instruction by its full spelling: who executes it, and the pattern of its operands, one letter each: P, H, R, D is a register of 1, 16, 32, 64 bits,
/// X one of any width, V a vector, m an address, i an immediate, l a label; capitals are destinations. What stands behind a question mark may be left out.
/// </summary>
internal sealed unsafe class Opcode
{
    static readonly ConcurrentDictionary<string, Opcode?> known = new(StringComparer.Ordinal);
    static readonly ConcurrentDictionary<string, Opcode?>.AlternateLookup<ReadOnlySpan<char>> knownBySpan = known.GetAlternateLookup<ReadOnlySpan<char>>();

    internal Opcode(delegate*<Warp, Operation*, uint, void> run, string operands, Kind kind = Kind.Other)
    {
        int optional = operands.IndexOf('?', StringComparison.Ordinal);
        Run = run;
        Operands = operands.Replace("?", "", StringComparison.Ordinal);
        Required = optional < 0 ? Operands.Length : optional;
        Kind = kind;
    }

    internal string Operands { get; }

    /// <summary>Operands that must be written.</summary>
    internal int Required { get; }

    internal delegate*<Warp, Operation*, uint, void> Run { get; }

    /// <summary>Instead of <see cref="Run"/> where the register of width X has 16 or 64 bits.</summary>
    internal delegate*<Warp, Operation*, uint, void> Run16 { get; init; }

    internal delegate*<Warp, Operation*, uint, void> Run64 { get; init; }

    internal Kind Kind { get; }

    internal Flow Flow { get; init; }

    internal int Modifier { get; init; }

    /// <summary>Elements that a vector operand must have, in order of operands; null where there is none.</summary>
    internal int[]? Vectors { get; init; }

    /// <summary>Bytes that a register of any width must hold at least.</summary>
    internal int LeastBytes { get; init; }

    /// <summary>Width that a constant takes where a register of any width may stand.</summary>
    internal RegisterClass ConstantWidth { get; init; } = RegisterClass.Bits32;

    /// <summary>The destination holds what the source holds, even if that is nothing yet.</summary>
    internal bool Copies { get; init; }

    /// <summary>Reads memory.</summary>
    internal bool Loads { get; init; }

    /// <summary>Takes numbers from a register of any width to one of any width.</summary>
    internal bool Converts { get; init; }

    /// <summary>Reads or changes global memory atomically, so that results may depend on the order of blocks.</summary>
    internal bool OrdersBlocks { get; init; }

    /// <summary>Multiply-adds of a matrix instruction, in terms of bf16 throughput.</summary>
    internal int MatrixWork { get; init; }

    /// <summary>Finds an instruction; null if the emulator does not know it.</summary>
    internal static Opcode? Find(ReadOnlySpan<char> mnemonic)
        => knownBySpan.TryGetValue(mnemonic, out Opcode? opcode) ? opcode : known.GetOrAdd(mnemonic.ToString(), static m => OpcodeTable.Build(m));

    /// <summary>What to say about an instruction that is not found.</summary>
    internal static string WhyUnknown(string mnemonic)
    {
        string[] parts = mnemonic.Split('.');
        if (parts[0] is not ("ld" or "st" or "atom" or "red")) return $"unknown instruction '{mnemonic}'";
        if (parts.Contains("local")) return $"'{mnemonic}': local memory is not supported; arrays in registers need indices known to the compiler";
        bool generic = !parts.Any(p => p is "global" or "shared" or "shared::cta" or "const" or "param");
        return generic ? $"'{mnemonic}': generic addresses are not supported; the compiler must know the address space" : $"unknown instruction '{mnemonic}'";
    }
}
