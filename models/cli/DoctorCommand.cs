using System.CommandLine;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using MiniTorch.Models.Bench;

namespace MiniTorch.Cli;

/// <summary>dcls doctor: what this machine offers.</summary>
static class DoctorCommand
{
    sealed record Findings(string System, string Runtime, string Cpu, IReadOnlyList<string> Features, int SimdBits, string SimdChosenBy, int Threads, double MemoryGib,
        string Gpu, string Fonts);

    internal static Command Make()
    {
        Command command = Examples.On(new("doctor", "Shows what this machine offers: processor, register width, threads, memory, GPU, fonts."), "dcls doctor", "dcls doctor --json");
        command.Add(Options.Json);
        command.Add(Options.Debug);
        command.SetAction(static parsed =>
        {
            Terminal terminal = new(parsed.GetValue(Options.Json));
            Findings f = Examine();
            terminal.Emit(f);
            if (terminal.Json) return ExitCode.Done;
            terminal.Say($"system    {f.System}, {f.Runtime}");
            terminal.Say($"cpu       {f.Cpu}");
            terminal.Say($"features  {string.Join(", ", f.Features)}");
            terminal.Say($"simd      {f.SimdBits} bits, chosen by {f.SimdChosenBy}");
            terminal.Say($"threads   {f.Threads}");
            terminal.Say($"memory    {f.MemoryGib:0.0} GiB");
            terminal.Say($"gpu       {f.Gpu}");
            terminal.Say($"fonts     {f.Fonts}");
            return ExitCode.Done;
        });
        return command;
    }

    static Findings Examine()
    {
        List<string> features = [];
        if (Sse42.IsSupported) features.Add("SSE4.2");
        if (Avx2.IsSupported) features.Add("AVX2");
        if (Fma.IsSupported) features.Add("FMA");
        if (Avx512F.IsSupported) features.Add("AVX-512F");
        bool asked = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Simd.Variable));
        return new(RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, Ceiling.Processor(), features, Options.Width().Bits,
            asked ? Simd.Variable : "the processor", Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30), Gpu(),
            Fonts.Present ? "found" : Fonts.Remedy);
    }

    static string Gpu() => File.Exists("/dev/nvidia0")
        ? "an NVIDIA device is present (/dev/nvidia0), but this version of dcls computes on the CPU only"
        : "none found (no /dev/nvidia0); this version of dcls computes on the CPU only";
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
