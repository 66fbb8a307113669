using System.CommandLine;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using MiniTorch.Cuda;

namespace MiniTorch.Cli;

/// <summary>dcls doctor: what this machine offers, and what the kernels need on a GPU.</summary>
static class DoctorCommand
{
    static readonly Option<bool> kernels = new("--kernels") { Description = "Load every kernel on the GPU of --device and show its registers and spills; exit code 1 if one spills or does not load." };

    sealed record Findings(string System, string Runtime, string Cpu, IReadOnlyList<string> Features, int SimdBits, string SimdChosenBy, int Threads, double MemoryGib,
        IReadOnlyList<string> Gpus, IReadOnlyList<Library> Libraries, string Fonts);

    /// <summary>A library of NVIDIA, where it was found, and every place that was searched for it and for what it needs.</summary>
    sealed record Library(string Name, string? Path, IReadOnlyList<LibraryAttempt> Attempts);

    internal static Command Make()
    {
        Command command = Examples.On(new("doctor", "Shows what this machine offers: processor, register width, threads, memory, GPU, fonts."),
            "dcls doctor", "dcls doctor --json", "dcls doctor --kernels --device cuda");
        foreach (Option option in (ReadOnlySpan<Option>)[kernels, Options.Device, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(static parsed =>
        {
            Terminal terminal = new(parsed.GetValue(Options.Json));
            if (parsed.GetValue(kernels)) return LoadKernels(parsed, terminal);
            if (parsed.GetResult(Options.Device) is { Implicit: false }) throw new WrongInputException("doctor looks at the whole machine; --device goes with --kernels");
            Findings f = Examine();
            terminal.Emit(f);
            if (terminal.Json) return ExitCode.Done;
            terminal.Say($"system    {f.System}, {f.Runtime}");
            terminal.Say($"cpu       {f.Cpu}");
            terminal.Say($"features  {string.Join(", ", f.Features)}");
            terminal.Say($"simd      {f.SimdBits} bits, chosen by {f.SimdChosenBy}");
            terminal.Say($"threads   {f.Threads}");
            terminal.Say($"memory    {f.MemoryGib:0.0} GiB");
            foreach (string gpu in f.Gpus) terminal.Say($"gpu       {gpu}");
            foreach (Library library in f.Libraries)
            {
                terminal.Say($"{library.Name,-9} {library.Path ?? "not found"}");
                foreach (LibraryAttempt attempt in library.Attempts) terminal.Say($"          {attempt.Path}: {attempt.Result}");
            }
            terminal.Say($"fonts     {f.Fonts}");
            return ExitCode.Done;
        });
        return command;
    }

    static int LoadKernels(ParseResult parsed, Terminal terminal)
    {
        using Device device = Options.OpenDevice(parsed, terminal);
        if (device is not CudaDevice gpu) throw new WrongInputException("the kernels are those of a GPU; use --device cuda, cuda:N or cuda:emulated");
        terminal.Say($"{gpu}: {gpu.Properties.Name}{($"{gpu}" == "cuda:emulated" ? "; registers are an estimate, and nothing spills" : "")}");
        terminal.Say($"{"module",-28}{"kernel",-44}{"registers",10}{"local bytes",12}{"shared bytes",13}{"threads",8}");
        List<string> wrong = [];
        int count = 0;
        foreach (DeviceKernel k in DeviceKernels.Of(gpu))
        {
            terminal.Emit(k);
            if (!terminal.Json) terminal.Say($"{k.Module,-28}{k.Kernel,-44}{(k.Error is not null ? " " + k.Error : $"{k.Registers,10}{k.LocalBytes,12}{k.StaticSharedBytes,13}{k.MaxThreads,8}")}");
            if (k.IsWrong) wrong.Add(k.Kernel);
            count++;
        }
        terminal.Say($"{count} kernels, {count - wrong.Count} without spills");
        if (wrong.Count == 0) return ExitCode.Done;
        Terminal.Fail($"{wrong.Count} of {count} kernels spill or do not load: {string.Join(", ", wrong)}");
        return ExitCode.Fault;
    }

    static Findings Examine()
    {
        List<string> features = [];
        if (Sse42.IsSupported) features.Add("SSE4.2");
        if (Avx2.IsSupported) features.Add("AVX2");
        if (Fma.IsSupported) features.Add("FMA");
        if (Avx512F.IsSupported) features.Add("AVX-512F");
        bool asked = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Simd.Variable));
        return new(RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, Processor.Name, features, Options.Width().Bits,
            asked ? Simd.Variable : "the processor", Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30), Gpus(),
            [Found("libcuda", CudaLibraries.Driver), Found("libcublas", CudaLibraries.Blas), Found("libcublasLt", CudaLibraries.BlasLt), Found("libcudnn", CudaLibraries.Dnn)],
            Fonts.Present ? "found" : Fonts.Remedy);
    }

    /// <summary>The GPUs, or why there is none.</summary>
    static string[] Gpus()
    {
        try
        {
            int count = NativeDriver.Count();
            return count == 0 ? ["none: the driver has none"] : [.. Enumerable.Range(0, count).Select(Gpu)];
        }
        catch (CudaException e)
        {
            return [$"none: {e.Message}"];
        }
    }

    static string Gpu(int ordinal)
    {
        try
        {
            using NativeDriver driver = new(ordinal);
            DeviceProperties p = driver.Properties;
            return FormattableString.Invariant($"cuda:{ordinal} {p.Name}, compute capability {p.ComputeCapability}, {p.Multiprocessors} multiprocessors at {p.ClockKilohertz / 1e6:0.000} GHz, ")
                + FormattableString.Invariant($"{p.MemoryBytes / (double)(1L << 30):0.00} GiB, driver for CUDA {p.Driver}");
        }
        catch (CudaException e)
        {
            return $"cuda:{ordinal} cannot be used: {e.Message}";
        }
    }

    static Library Found(string name, LibrarySearch search) => new(name, search.Found ? search.Attempts[^1].Path : null, search.Attempts);
}

/// <summary>Without a font on the system plots are drawn without a single label, and without an error.</summary>
static class Fonts
{
    internal const string Remedy = "none found, plots will have no labels; install the package fonts-dejavu-core";

    internal static bool Present { get; } =
        new[] { "/usr/share/fonts", "/usr/local/share/fonts", Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".fonts") }
        .Where(Directory.Exists)
        .Any(static d => Directory.EnumerateFiles(d, "*", SearchOption.AllDirectories).Any(static f => Path.GetExtension(f) is ".ttf" or ".otf" or ".ttc"));
}
