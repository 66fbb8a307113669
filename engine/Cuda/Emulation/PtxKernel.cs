namespace MiniTorch.Cuda.Emulation;

/// <summary>A parameter of a kernel: its place in the parameter block.</summary>
internal readonly record struct PtxParameter(string Name, int Offset, int Bytes);

/// <summary>A kernel of a module: parameters and limits as declared, and its code once somebody asks.</summary>
internal sealed class PtxKernel
{
    readonly List<PtxParameter> parameters = [];
    readonly int bodyStart, bodyLine;
    readonly Lazy<Code> code;

    /// <summary>Reads from the name to behind the body.</summary>
    internal PtxKernel(PtxModule module, PtxReader reader)
    {
        Module = module;
        Name = reader.Name();
        if (reader.Accept('(')) ReadParameters(reader);
        while (reader.IsDirective) ReadLimit(reader);
        if (!reader.Is('{')) throw reader.Unexpected("'{'");
        (bodyStart, bodyLine) = (reader.Start, reader.Line);
        reader.Advance();
        reader.SkipBraces();
        code = new(() => Decoder.Decode(this, new PtxReader(module.Text, bodyStart, bodyLine)));
    }

    internal PtxModule Module { get; }

    internal string Name { get; }

    internal IReadOnlyList<PtxParameter> Parameters => parameters;

    /// <summary>Bytes of all parameters with their alignment.</summary>
    internal int ParameterBytes { get; private set; }

    /// <summary>Most threads of a block that <c>.maxntid</c> allows; 0 where it is not given.</summary>
    internal int MaxThreads { get; private set; }

    /// <summary>Exact extent of a block that <c>.reqntid</c> demands, if it is given.</summary>
    internal Dim3? RequiredBlock { get; private set; }

    /// <summary>Blocks a multiprocessor shall hold, from <c>.minnctapersm</c>; 0 where it is not given.</summary>
    internal int MinBlocks { get; private set; }

    /// <summary>The decoded kernel.</summary>
    internal Code Code => code.Value;

    void ReadParameters(PtxReader reader)
    {
        while (!reader.Accept(')'))
        {
            PtxDeclaration declaration = PtxDeclaration.Read(reader);
            if (declaration.Space != ".param") throw new EmulationException($"'{declaration.Space}' is no parameter", Name, reader.Line, reader.LineText);
            int offset = (ParameterBytes + declaration.Alignment - 1) / declaration.Alignment * declaration.Alignment;
            parameters.Add(new(declaration.Name, offset, declaration.Bytes));
            ParameterBytes = offset + declaration.Bytes;
            reader.Accept(',');
        }
    }

    void ReadLimit(PtxReader reader)
    {
        string directive = reader.Name();
        if (directive == ".noreturn") return;
        Dim3 extent = new(reader.Count());
        if (reader.Accept(',')) extent = extent with { Y = reader.Count() };
        if (reader.Accept(',')) extent = extent with { Z = reader.Count() };
        if (directive == ".maxntid") MaxThreads = (int)extent.Count;
        else if (directive == ".reqntid") RequiredBlock = extent;
        else if (directive == ".minnctapersm") MinBlocks = extent.X;
        else if (directive != ".maxnreg") throw new EmulationException($"unknown directive '{directive}'", Name, reader.Line, reader.LineText);
    }
}
