using System.Globalization;
using MiniTorch;
using MiniTorch.Bundle;

return args switch
{
    ["--help" or "-h"] => Help(),
    ["tests", .. string[] rest] => GpuTests.Run(rest),
    ["race", string file, .. string[] rest] when !file.StartsWith('-') => Raced(file, rest),
    [string folder] when !folder.StartsWith('-') => Check(folder, Budget.Usual),
    [string folder, "--minutes", string text] when !folder.StartsWith('-') => Minutes(text) is { } minutes ? Check(folder, minutes) : Wrong(NoMinutes(text)),
    _ => Wrong("use run REPORT_FOLDER [--minutes N]; run --help tells what it does"),
};

static double? Minutes(string text) => double.TryParse(text, CultureInfo.InvariantCulture, out double minutes) && minutes is >= Budget.Least and <= Budget.Most ? minutes : null;

static string NoMinutes(string text) => $"--minutes takes a number from {Budget.Least} to {Budget.Most}, got '{text}'";

static int Raced(string file, string[] rest)
{
    double minutes = Budget.Usual;
    RacePart part = RacePart.All;
    for (int i = 0; i < rest.Length; i++)
        switch (rest[i])
        {
            case "--kernels" when part == RacePart.All: part = RacePart.Kernels; break;
            case "--steps" when part == RacePart.All: part = RacePart.Steps; break;
            case "--minutes" when i + 1 < rest.Length:
                if (Minutes(rest[++i]) is not { } given) return Wrong(NoMinutes(rest[i]));
                minutes = given;
                break;
            default: return Wrong($"'{rest[i]}' is not understood; use run race FILE [--kernels | --steps] [--minutes N]");
        }
    try
    {
        CudaDevice.Open().Dispose();
        if (File.Exists(file) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file)))) return Wrong($"{file} exists already, or its folder does not; name a new file");
        return new Race(file, new(minutes), part).Run();
    }
    catch (CudaException e)
    {
        Console.Error.WriteLine($"no GPU: {e.Message}");
        return 3;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
    {
        return Wrong(e.Message);
    }
}

static int Check(string folder, double minutes)
{
    try
    {
        CudaDevice.Open().Dispose();
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()) return Wrong($"{folder} is not empty; name a new folder");
        Directory.CreateDirectory(folder);
        return new Checks(folder, new(minutes)).Run();
    }
    catch (CudaException e)
    {
        Console.Error.WriteLine($"no GPU: {e.Message}");
        return 3;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
    {
        return Wrong(e.Message);
    }
}

static int Help()
{
    Console.WriteLine($"""
        run REPORT_FOLDER [--minutes N]

        Checks MiniTorch.Dcls on the GPU cuda:0 and writes a report, report.md and report.json with what the steps said: 9 files at most.
          doctor      what the machine offers, which libraries were found
          kernels     loads every kernel; one that spills registers to memory is a failure
          tests       every test of operations, networks and libraries on the GPU, against the CPU
          timings     operations, and a training step of ConvNeXt-T-dcls by layer
          counters    of the kernels of a training step of ConvNeXt-T-dcls in bf16, by Nsight Compute, where ncu is installed and may read them
          sanitizer   memcheck and racecheck of compute-sanitizer, where it is installed, over as many tests as the time allows
        The whole ends within N minutes (default: {Budget.Usual}); each step has a share of them, the sanitizer what is left. A step that fails stops no other.
        Exit codes: 0 all is well, 1 a step failed, 2 wrong input, 3 no GPU.

        run race FILE [--kernels | --steps] [--minutes N]
                                                in turns with PyTorch where python3 has it, batch 128: operations in bf16 and float32, as published and in every form that could be faster; training steps as
                                                published, at their best, and compiled, in bf16, TF32 and float32. FILE has the tables, FILE.jsonl every line that was measured. What there is no time for is left out.
        run tests [--from N] [--seconds S]      the tests alone, a line of JSON each; on the emulated GPU unless MINITORCH_TEST_DEVICE=cuda
        dcls                                    the command line of MiniTorch.Dcls, without plots
        The folder of the report belongs into perf/history of the project.
        """);
    return 0;
}

static int Wrong(string what)
{
    Console.Error.WriteLine($"run: {what}");
    return 2;
}
