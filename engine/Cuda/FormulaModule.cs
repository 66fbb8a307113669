using System.Globalization;
using System.Text;

namespace MiniTorch.Cuda;

/// <summary>
/// One kernel of a module of frames with a formula in its places. A frame is CUDA C++ that marks a place with the word <c>formula</c> and the number of the part, followed by
/// the registers of the outputs and inputs; see formula.h. Constants stand in the text, or are read from the kernel's parameter if they come with each launch.
/// </summary>
sealed class FormulaModule(Type op, string file, string frame, string kernel, FormulaTrace trace, bool baked) : CudaModule(op, file)
{
    const string Place = "\tformula";

    readonly FormulaStep[] steps = trace.Steps.ToArray();
    readonly uint[] constants = trace.Constants.ToArray();

    /// <summary>True if the trace is that of this module but for the values of constants.</summary>
    internal bool Has(FormulaTrace other) => other.Constants.Length == constants.Length && other.Steps.SequenceEqual(steps);

    internal override byte[] Read()
    {
        string text = Encoding.UTF8.GetString(base.Read());
        int begin = text.IndexOf($".visible .entry {frame}(", StringComparison.Ordinal), end = text.IndexOf("\n}\n", begin, StringComparison.Ordinal) + 3;
        StringBuilder module = new(text[text.IndexOf(".version", StringComparison.Ordinal)..(text.IndexOf(".address_size 64", StringComparison.Ordinal) + 16)]);
        module.Append("\n\n");
        foreach (ReadOnlySpan<char> line in text.AsSpan(begin..end).EnumerateLines())
        {
            if (line.StartsWith(Place)) Fill(module, line[Place.Length] - '0', line[(Place.Length + 1)..].TrimEnd(';').ToString().Split(',', StringSplitOptions.TrimEntries));
            else module.Append(line).Append('\n');
        }
        return Encoding.UTF8.GetBytes(module.Replace(frame, kernel).ToString());
    }

    /// <summary>The steps of a part between a frame's registers: outputs first, then inputs.</summary>
    void Fill(StringBuilder text, int part, string[] registers)
    {
        ReadOnlySpan<FormulaStep> own = steps;
        for (; part > 0; part--) own = own[(IndexOf(own, FormulaStep.Next) + 1)..];
        if (IndexOf(own, FormulaStep.Next) is >= 0 and int next) own = own[..next];
        int outputs = 0, taken = 0, given = 0;
        foreach (FormulaStep step in own) if (step.Instruction == FormulaStep.Out) outputs++;
        text.Append(CultureInfo.InvariantCulture, $"\t{{\n\t.reg .b32 \t%value<{steps.Length}>;\n\t.reg .pred \t%mask<{steps.Length}>;\n");
        if (!baked)
            for (int k = 0; k < constants.Length; k++) text.Append(CultureInfo.InvariantCulture, $"\t.reg .b32 \t%given{k};\n\tld.param.b32 \t%given{k}, [{frame}_param_0+{4 * k}];\n");
        Dictionary<short, string> names = [];
        foreach (FormulaStep step in own)
        {
            if (step.Instruction == FormulaStep.In) names[step.Result] = registers[outputs + taken++];
            else if (step.Instruction == FormulaStep.Out) text.Append("\tmov.b32 \t").Append(registers[given++]).Append(", ").Append(Operand(step.A, "mov.f32", names)).Append(";\n");
            else
            {
                names[step.Result] = (step.Instruction.StartsWith(FormulaTrace.Compare, StringComparison.Ordinal) ? "%mask" : "%value") + step.Result.ToString(CultureInfo.InvariantCulture);
                text.Append('\t').Append(step.Instruction).Append(" \t").Append(names[step.Result]);
                foreach (short operand in (ReadOnlySpan<short>)[step.A, step.B, step.C])
                    if (operand != FormulaStep.None) text.Append(", ").Append(Operand(operand, step.Instruction, names));
                text.Append(";\n");
            }
        }
        if (outputs + taken != registers.Length) throw new InvalidOperationException($"{kernel}: the frame has {registers.Length} registers at part {part}, the formula {outputs + taken}");
        text.Append("\t}\n");
    }

    string Operand(short value, string instruction, Dictionary<short, string> names)
        => value >= 0 ? names[value] : !baked ? $"%given{~value}" : (instruction.EndsWith(".f32", StringComparison.Ordinal) ? "0f" : "0x") + constants[~value].ToString("X8", CultureInfo.InvariantCulture);

    static int IndexOf(ReadOnlySpan<FormulaStep> steps, string instruction)
    {
        for (int i = 0; i < steps.Length; i++) if (steps[i].Instruction == instruction) return i;
        return -1;
    }
}
