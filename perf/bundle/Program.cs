using System.Globalization;
using MiniTorch;
using MiniTorch.Cuda;
using MiniTorch.Perf.Bundle;

const int Passed = 0, Failed = 1, WrongInput = 2, NoGpu = 3;

double minutes = 9.5;
string? folder = null;
for (int i = 0; i < args.Length; i++)
{
    if (args[i] is "-h" or "--help" or "-?")
    {
        Console.WriteLine("""
            run REPORT_FOLDER [--minutes N]

            Checks MiniTorch.Dcls on the GPU of this machine, which needs its driver and nothing else, and writes a report (report.md, report.json and what
            the steps said): what the machine has, every kernel's registers and spills, the tests of the GPU against the processor, times of operations and of
            a training step, and compute-sanitizer where it is installed. A step that fails does not stop those behind it. All of it ends within N minutes
            (9.5 unless given); the sanitizer takes what the others leave.

            Exit code: 0 all passed, 1 something failed, 2 wrong arguments, 3 no GPU.
            """);
        return Passed;
    }
    if (args[i] == "--minutes" && i + 1 < args.Length && double.TryParse(args[i + 1], CultureInfo.InvariantCulture, out minutes) && minutes > 0) i++;
    else if (args[i].StartsWith('-') || folder is not null) return Wrong($"unknown argument '{args[i]}'");
    else folder = args[i];
}
if (folder is null) return Wrong("the folder for the report is missing");

string gpu;
try
{
    if (NativeDriver.Count() == 0)
    {
        Console.Error.WriteLine("no GPU: the driver has none");
        return NoGpu;
    }
    using NativeDriver driver = new(0);
    gpu = $"{driver.Properties.Name}, compute capability {driver.Properties.ComputeCapability}, driver for CUDA {driver.Properties.Driver}";
}
catch (CudaException e)
{
    Console.Error.WriteLine($"no GPU: {e.Message}");
    return NoGpu;
}
string here = AppContext.BaseDirectory;
try
{
    Directory.CreateDirectory(folder);
    Report report = new(folder, gpu, TimeSpan.FromMinutes(minutes));
    report.Do("doctor", "what the machine has", 60, Path.Combine(here, "dcls"), ["doctor", "--json"], "doctor.json");
    report.Do("modules", "every module of kernels loads, none spills", 120, Path.Combine(here, "dcls"), ["doctor", "--kernels", "--device", "cuda", "--json"], "kernels.jsonl");
    report.Do("tests", "tests of the GPU against the processor", 330, Path.Combine(here, "MiniTorch.Tests"), ["-trait", "gpu=yes", "-noColor", "-ctrf", Path.Combine(folder, "tests.json")], null);
    report.Do("operations", "times of operations", 90, Path.Combine(here, "dcls"), ["bench", "ops", "--device", "cuda", "--json"], "bench.jsonl");
    report.Do("training step", "profile of ConvNeXt-T-dcls, batch 32", 90, Path.Combine(here, "dcls"), ["profile", "convnext_dcls_tiny", "--batch", "32", "--device", "cuda", "--json"], "profile.json");
    if (Sanitizer() is { } sanitizer)
        report.Do("compute-sanitizer", "memcheck over the tests of kernels; cut off where the time ends", 600, sanitizer,
            ["--tool", "memcheck", "--error-exitcode", "9", "--log-file", Path.Combine(folder, "sanitizer.txt"), Path.Combine(here, "MiniTorch.Tests"), "-trait", "gpu=yes", "-class", "*DeviceTests*", "-noColor"], null);
    else report.Skip("compute-sanitizer", "not on the path and not in /usr/local/cuda*/bin");
    return report.Finish() ? Passed : Failed;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: the report cannot be written: {e.Message}");
    return WrongInput;
}

static int Wrong(string what)
{
    Console.Error.WriteLine($"error: {what}; use run REPORT_FOLDER [--minutes N], or run --help");
    return WrongInput;
}

static string? Sanitizer()
{
    IEnumerable<string> folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
    if (Directory.Exists("/usr/local")) folders = folders.Concat(Directory.EnumerateDirectories("/usr/local", "cuda*").SelectMany(static d => (string[])[Path.Combine(d, "bin"), Path.Combine(d, "compute-sanitizer")]));
    return folders.Select(static f => Path.Combine(f, "compute-sanitizer")).FirstOrDefault(File.Exists);
}
