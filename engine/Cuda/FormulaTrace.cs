using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda;

/// <summary>What a kernel's frame leaves open: it computes outputs from inputs, once, or in several parts where the frame has several places.</summary>
interface IFormula
{
    /// <summary>Takes the inputs of the first part in the frame's order, hands over its outputs, and so on for each further part.</summary>
    void Write(FormulaTrace trace);
}

/// <summary>Constants of a formula whose values come with each launch. The first field of a launch record.</summary>
[InlineArray(Count)]
struct FormulaConstants
{
    internal const int Count = 48;
    uint first;
}

/// <summary>An instruction of PTX over values, or the pseudo-instruction <see cref="In"/>, <see cref="Out"/> or <see cref="Next"/>. Negative operands are constants.</summary>
readonly record struct FormulaStep(string Instruction, short Result, short A, short B, short C)
{
    internal const string In = "in", Out = "out", Next = "next";
    internal const short None = short.MinValue;
}

/// <summary>A formula as its steps in order. Belongs to one thread and is written anew for each formula, without allocating once it has grown.</summary>
sealed class FormulaTrace
{
    /// <summary>Begins an instruction whose result is a predicate.</summary>
    internal const string Compare = "setp.";

    [ThreadStatic] static FormulaTrace? current;

    readonly uint[] constants = new uint[256];
    FormulaStep[] steps = new FormulaStep[256];
    int count, constantCount, values;

    internal static FormulaTrace Current => current ??= new();

    /// <summary>The formula's trace; it is overwritten by the thread's next one.</summary>
    internal static FormulaTrace Of<F>(in F formula) where F : struct, IFormula
    {
        FormulaTrace trace = Current;
        (trace.count, trace.constantCount, trace.values) = (0, 0, 0);
        formula.Write(trace);
        return trace;
    }

    internal ReadOnlySpan<FormulaStep> Steps => steps.AsSpan(0, count);

    /// <summary>Bits of the constants, each value once.</summary>
    internal ReadOnlySpan<uint> Constants => constants.AsSpan(0, constantCount);

    /// <summary>The next value that the frame gives.</summary>
    internal Traced Input() => Note(FormulaStep.In);

    /// <summary>The next value that the frame takes.</summary>
    internal void Output(Traced value) => Append(new(FormulaStep.Out, FormulaStep.None, value.Value, FormulaStep.None, FormulaStep.None));

    /// <summary>What follows belongs to the next part.</summary>
    internal void NextPart() => Append(new(FormulaStep.Next, FormulaStep.None, FormulaStep.None, FormulaStep.None, FormulaStep.None));

    internal Traced Note(string instruction, short a = FormulaStep.None, short b = FormulaStep.None, short c = FormulaStep.None)
    {
        Append(new(instruction, checked((short)values), a, b, c));
        return new((short)values++);
    }

    internal Traced Constant(uint bits)
    {
        int at = Constants.IndexOf(bits);
        if (at < 0) constants[at = constantCount++] = bits;
        return new((short)~at);
    }

    void Append(FormulaStep step)
    {
        if (count == steps.Length) Array.Resize(ref steps, 2 * count);
        steps[count++] = step;
    }
}
