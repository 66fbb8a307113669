namespace MiniTorch.Cuda.Emulation;

/// <summary>
/// What a launch has executed. Counts of instructions are of warps unless the name says threads. Sums over lines single out a loop: <see cref="Between"/>, or
/// <see cref="Hottest"/>, the lines that were executed most often.
/// </summary>
internal sealed class LaunchCounters
{
    readonly OperationCounts[] counts;

    internal LaunchCounters(Code code, Launch launch, OperationCounts[] counts, long readBytes, long writtenBytes)
    {
        (Code, Launch, this.counts, FootprintReadBytes, FootprintWrittenBytes) = (code, launch, counts, readBytes, writtenBytes);
        for (int i = 0; i < counts.Length; i++) Add(i);
    }

    LaunchCounters(LaunchCounters whole, Func<int, bool> wanted)
    {
        (Code, Launch, counts) = (whole.Code, whole.Launch, whole.counts);
        for (int i = 0; i < counts.Length; i++) if (wanted(i)) Add(i);
    }

    internal Code Code { get; }

    internal Launch Launch { get; }

    internal long WarpInstructions { get; private set; }

    internal long ThreadInstructions { get; private set; }

    /// <summary>fma of single precision.</summary>
    internal long FmaInstructions { get; private set; }

    /// <summary>Other arithmetic of single precision.</summary>
    internal long FloatInstructions { get; private set; }

    internal long MatrixInstructions { get; private set; }

    /// <summary>Multiply-adds of matrix instructions; one of tf32 counts as two of bf16, as it takes that long.</summary>
    internal long MatrixMultiplyAdds { get; private set; }

    /// <summary>Sectors of 32 bytes of global memory, and the fewest that the same distinct bytes could need, access by access.</summary>
    internal long GlobalSectors { get; private set; }

    internal long IdealGlobalSectors { get; private set; }

    /// <summary>Distinct bytes of global memory asked for, access by access.</summary>
    internal long GlobalBytes { get; private set; }

    /// <summary>Wavefronts of shared memory, and their number without bank conflicts.</summary>
    internal long SharedWavefronts { get; private set; }

    internal long IdealSharedWavefronts { get; private set; }

    internal long Barriers { get; private set; }

    internal long Atomics { get; private set; }

    /// <summary>Bytes of the sectors of global memory that were read at all: what must come from memory at least.</summary>
    internal long FootprintReadBytes { get; }

    /// <summary>Bytes of the sectors that were written at all.</summary>
    internal long FootprintWrittenBytes { get; }

    internal double SectorRatio => IdealGlobalSectors == 0 ? 1 : (double)GlobalSectors / IdealGlobalSectors;

    internal double WavefrontRatio => IdealSharedWavefronts == 0 ? 1 : (double)SharedWavefronts / IdealSharedWavefronts;

    /// <summary>What the instructions on these lines of the PTX have executed.</summary>
    internal LaunchCounters Between(int firstLine, int lastLine) => new(this, i => Code.Statements[i].Line >= firstLine && Code.Statements[i].Line <= lastLine);

    /// <summary>What the instructions have executed that ran at least the given part as often as the one that ran most: the main loop.</summary>
    internal LaunchCounters Hottest(double part = 0.5)
    {
        long most = 0;
        foreach (OperationCounts c in counts) most = Math.Max(most, c.Executions);
        return new(this, i => counts[i].Executions > 0 && counts[i].Executions >= part * most);
    }

    /// <summary>Instructions with their counts, in the order of the code.</summary>
    internal IEnumerable<(int Line, string Text, OperationCounts Counts)> Instructions
    {
        get { for (int i = 0; i < counts.Length; i++) yield return (Code.Statements[i].Line, Code.Statements[i].Text, counts[i]); }
    }

    void Add(int index)
    {
        Opcode opcode = Code.Statements[index].Opcode;
        OperationCounts c = counts[index];
        WarpInstructions += c.Executions;
        ThreadInstructions += c.Lanes;
        GlobalSectors += c.Sectors;
        IdealGlobalSectors += c.IdealSectors;
        GlobalBytes += c.GlobalBytes;
        SharedWavefronts += c.Wavefronts;
        IdealSharedWavefronts += c.IdealWavefronts;
        if (opcode.Kind == Kind.Fma) FmaInstructions += c.Executions;
        if (opcode.Kind == Kind.Float) FloatInstructions += c.Executions;
        if (opcode.Kind == Kind.Barrier) Barriers += c.Executions;
        if (opcode.Kind == Kind.Atomic) Atomics += c.Executions;
        if (opcode.Kind != Kind.Matrix) return;
        MatrixInstructions += c.Executions;
        MatrixMultiplyAdds += c.Executions * opcode.MatrixWork;
    }
}
