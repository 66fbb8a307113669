using System.Collections.Concurrent;
using System.Text;

namespace MiniTorch.Cuda.Emulation;

/// <summary>A variable of a module in global or constant memory, with its first bytes.</summary>
internal sealed record PtxVariable(string Name, string Space, int Alignment, int Bytes, byte[]? Initial);

/// <summary>
/// A module of PTX text: its kernels and variables. Reading finds the kernels and their limits; a kernel's code is decoded when it is first asked for, and the module is
/// kept for the process, found again by its text.
/// </summary>
internal sealed class PtxModule
{
    static readonly ConcurrentDictionary<string, PtxModule> known = new(StringComparer.Ordinal);
    readonly Dictionary<string, PtxKernel> kernels = new(StringComparer.Ordinal);
    readonly Dictionary<string, PtxVariable> variables = new(StringComparer.Ordinal);

    PtxModule(string text) => Text = text;

    internal string Text { get; }

    /// <summary>As in <c>.version 7.8</c>.</summary>
    internal string Version { get; private set; } = "";

    /// <summary>As in <c>.target sm_80</c>.</summary>
    internal string Target { get; private set; } = "";

    internal IReadOnlyDictionary<string, PtxKernel> Kernels => kernels;

    /// <summary>Variables in global and constant memory; the device gives them addresses.</summary>
    internal IReadOnlyDictionary<string, PtxVariable> Variables => variables;

    /// <summary>Shared variables that stand outside of kernels: alignment and bytes; 0 bytes is the dynamic part.</summary>
    internal Dictionary<string, (int Alignment, int Bytes)> Shared { get; } = new(StringComparer.Ordinal);

    /// <summary>Module of a PTX image; a NUL at its end is allowed.</summary>
    internal static PtxModule Parse(ReadOnlySpan<byte> image) => Parse(Encoding.UTF8.GetString(image.TrimEnd((byte)0)));

    internal static PtxModule Parse(string text) => known.GetOrAdd(text, static t => Read(t));

    internal PtxKernel Kernel(string name)
        => kernels.TryGetValue(name, out PtxKernel? kernel) ? kernel : throw new EmulationException($"the module has no kernel '{name}'; it has {string.Join(", ", kernels.Keys)}");

    static PtxModule Read(string text)
    {
        PtxModule module = new(text);
        PtxReader reader = new(text);
        while (!reader.AtEnd) module.ReadDirective(reader);
        if (module.Version.Length == 0 || module.Target.Length == 0) throw new EmulationException("the text is not a PTX module: it has no .version or no .target");
        return module;
    }

    void ReadDirective(PtxReader reader)
    {
        if (reader.Accept(".version")) Version = reader.Name();
        else if (reader.Accept(".target"))
        {
            Target = reader.Name();
            while (reader.Accept(',')) Target += "," + reader.Name();
        }
        else if (reader.Accept(".address_size"))
        {
            if (reader.Count() != 64) throw reader.Unexpected("64");
        }
        else if (reader.Is(".visible") || reader.Is(".extern") || reader.Is(".weak") || reader.Is(".common")) reader.Advance();
        else if (reader.Accept(".entry")) AddKernel(reader);
        else if (reader.Is(".shared")) AddShared(reader);
        else if (reader.Is(".global") || reader.Is(".const")) AddVariable(reader);
        else if (reader.Accept(".file")) SkipFile(reader);
        else if (reader.Accept(".section"))
        {
            reader.Advance();
            reader.Expect('{');
            reader.SkipBraces();
        }
        else if (reader.Is(".func")) throw new EmulationException("functions are not supported: inline them", null, reader.Line, reader.LineText);
        else throw new EmulationException($"unknown directive '{reader.Token}'", null, reader.Line, reader.LineText);
    }

    void AddKernel(PtxReader reader)
    {
        PtxKernel kernel = new(this, reader);
        if (!kernels.TryAdd(kernel.Name, kernel)) throw new EmulationException($"kernel '{kernel.Name}' stands twice in its module");
    }

    void AddShared(PtxReader reader)
    {
        PtxDeclaration declaration = PtxDeclaration.Read(reader);
        Shared[declaration.Name] = (declaration.Alignment, declaration.Bytes);
        reader.Expect(';');
    }

    void AddVariable(PtxReader reader)
    {
        PtxDeclaration declaration = PtxDeclaration.Read(reader);
        byte[]? initial = reader.Accept('=') ? declaration.ReadInitial(reader) : null;
        reader.Expect(';');
        variables[declaration.Name] = new(declaration.Name, declaration.Space, declaration.Alignment, declaration.Bytes, initial);
    }

    static void SkipFile(PtxReader reader)
    {
        reader.Count();
        reader.Advance();
        while (reader.Accept(',')) reader.Advance();
    }
}
