using System.Runtime.InteropServices;

namespace MiniTorch.Cuda.Emulation;

/// <summary>A constant of the register file: the same bits in all lanes. A symbol's address is added when the module has been placed on a device.</summary>
internal readonly record struct FileConstant(int Offset, RegisterClass Width, ulong Bits, string? Symbol);

/// <summary>A slot of the register file that holds a special register.</summary>
internal readonly record struct FileSpecial(int Offset, bool Wide, Func<Warp, int, ulong> Values, bool ChangesWithBlock);

/// <summary>
/// A decoded kernel. Operations lie in native memory that is never freed: modules are kept for the process. The register file of a warp holds predicates (4 bytes),
/// 32-bit slots (128 bytes), 64-bit slots (256 bytes), then constants and special registers.
/// </summary>
internal sealed unsafe class Code
{
    internal Code(PtxKernel kernel, Statement[] statements)
    {
        (Kernel, Statements) = (kernel, statements);
        Operations = (Operation*)NativeMemory.AllocZeroed((nuint)(statements.Length + 1), (nuint)sizeof(Operation));
    }

    internal PtxKernel Kernel { get; }

    internal Statement[] Statements { get; }

    internal Operation* Operations { get; }

    internal int Length => Statements.Length;

    /// <summary>Bytes of a warp's register file.</summary>
    internal int FileBytes { get; set; }

    internal List<FileConstant> Constants { get; } = [];

    internal List<FileSpecial> Specials { get; } = [];

    /// <summary>Offsets of the words that say which lanes of a register have been set; only registers for which the code does not show it have one.</summary>
    internal List<int> Tracked { get; } = [];

    /// <summary>Bytes of shared variables, without the dynamic part.</summary>
    internal int SharedBytes { get; set; }

    /// <summary>Where the dynamic part of shared memory begins.</summary>
    internal int DynamicOffset { get; set; }

    internal (string Name, int Offset)[] SharedVariables { get; set; } = [];

    /// <summary>Most 32-bit registers alive at once: what a GPU's assembler needs at least.</summary>
    internal int RegisterPressure { get; set; }

    /// <summary>Results may depend on the order of blocks.</summary>
    internal bool OrdersBlocks { get; set; }
}
