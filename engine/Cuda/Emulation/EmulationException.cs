namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// What a module, a launch, a kernel or a copy did wrong on the emulated GPU. A fault in running code names the kernel, the line of its PTX, the instruction,
/// the block and the thread; the message contains all of them.
/// </summary>
internal sealed class EmulationException : Exception
{
    internal EmulationException(string problem) : base(problem) => Problem = problem;

    internal EmulationException(string problem, string? kernel, int line, string instruction) : base($"{(kernel is null ? "PTX" : kernel)}, line {line}: {problem}: {instruction}")
        => (Problem, Kernel, Line, Instruction) = (problem, kernel, line, instruction);

    internal EmulationException(string problem, string kernel, int line, string instruction, Dim3 block, Dim3 thread)
        : base($"{kernel}, line {line}, block {block}, thread {thread}: {problem}: {instruction}")
        => (Problem, Kernel, Line, Instruction, Block, Thread) = (problem, kernel, line, instruction, block, thread);

    /// <summary>What was wrong, without the place.</summary>
    internal string Problem { get; }

    /// <summary>Kernel in which it happened.</summary>
    internal string? Kernel { get; }

    /// <summary>Line of the PTX text, from 1; 0 outside of code.</summary>
    internal int Line { get; }

    /// <summary>Text of the instruction or directive.</summary>
    internal string? Instruction { get; }

    /// <summary>Block of the grid, if a thread did it.</summary>
    internal Dim3? Block { get; }

    /// <summary>Thread of the block, if a thread did it.</summary>
    internal Dim3? Thread { get; }
}
