using System.CommandLine;
using System.Globalization;
using System.Numerics;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>Options that several commands share, and how values are read from them.</summary>
static class Options
{
    internal static Option<bool> Json { get; } = new("--json") { Description = "Write JSON to standard output, everything else to standard error." };

    internal static Option<bool> Debug { get; } = new("--debug") { Description = "Show the stack trace of a failure." };

    internal static Option<int?> Threads { get; } = Number<int>("--threads", "Threads to compute with (default: all cores). Results do not depend on it.", "N", 1);

    internal static Option<string> Device { get; } = new("--device") { Description = "Where to compute: cpu, cuda, cuda:N for the GPU of a number, or cuda:emulated, a GPU that is executed by the processor, for tests.", DefaultValueFactory = static _ => "cpu", HelpName = "DEVICE" };

    internal static Option<bool> Deterministic { get; } = new("--deterministic")
    {
        Description = "On a GPU, take the forms of kernels from a fixed table, the same on every GPU, instead of the fastest, which are measured once and kept in the user's cache folder and in the run.",
    };

    internal static Option<string> Out { get; } = new("--out") { Description = "Folder of the runs.", DefaultValueFactory = static _ => "runs", HelpName = "DIR" };

    internal static Option<string?> Data { get; } = new("--data")
    {
        Description = "Folder of the recipe's data instead of what is embedded: pictures in train/CLASS and val/CLASS or in CLASS, a CSV list, CIFAR's binary files, IDX files train-* and t10k-*, HDF5 files *train.h5 and *test.h5 of spikes, Speech Commands.",
        HelpName = "DIR",
    };

    internal static Option<int?> Size { get; } = Number<int>("--size", "Side of the samples that pictures of any size become (default: the recipe's or the model's own).", "PIXELS", 1);

    internal static Option<string?> Run { get; } = new("--run") { Description = "The run to use (default: the newest in the folder of the runs).", HelpName = "RUN" };

    internal static Option<string?> Checkpoint { get; } = OneOf("--checkpoint", "Which weights of the run to use (default: last).", "last", "best");

    /// <summary>A number that may be left out, with a smallest allowed value.</summary>
    internal static Option<T?> Number<T>(string name, string description, string helpName, T least) where T : struct, INumber<T> => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            string kind = T.IsInteger(T.One / (T.One + T.One)) ? "a whole number" : "a number";
            if (!T.TryParse(text, null, out T value)) result.AddError($"{name} must be {kind}, got '{text}'");
            else if (!(value >= least)) result.AddError($"{name} must be at least {least}, got {text}");
            else return value;
            return default;
        },
    };

    /// <summary>Stops before the work for a file is done whose folder is not there.</summary>
    internal static void ExpectFolderOf(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new WrongInputException($"there is no folder {folder} for {path}; make it first");
    }

    /// <summary>The words of --precision.</summary>
    internal static readonly string[] Precisions = ["float32", "tf32", "bf16"];

    /// <summary>What they mean; null if none was given.</summary>
    internal static Precision? PrecisionOf(string? word) => word switch { null => null, "bf16" => Precision.BFloat16, "tf32" => Precision.Tf32, _ => Precision.Float32 };

    /// <summary>The word for a precision.</summary>
    internal static string WordOf(Precision precision) => Precisions.First(word => PrecisionOf(word) == precision);

    /// <summary>The device that was asked for.</summary>
    internal static Device OpenDevice(ParseResult parsed, Terminal terminal)
    {
        string name = parsed.GetValue(Device)!;
        int ordinal = 0;
        if (name == "cpu") return new CpuDevice(parsed.GetValue(Threads), Width());
        if (name == "cuda:emulated") return CudaDevice.Emulated();
        if (name != "cuda" && !(name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, null, out ordinal)))
            throw new WrongInputException($"unknown device '{name}'; use cpu, cuda, cuda:N with a number, or cuda:emulated");
        try
        {
            CudaDevice device = CudaDevice.Open(ordinal);
            device.WaitsForLaunches = parsed.GetValue(Debug);
            device.Deterministic = parsed.GetValue(Deterministic);
            foreach (string note in device.Notes) terminal.Say(note);
            return device;
        }
        catch (CudaException e)
        {
            throw new NoDeviceException($"there is no device {name}: {e.Message}; dcls doctor shows what was searched, --device cpu works everywhere");
        }
    }

    /// <summary>The register width that the environment asks for.</summary>
    internal static Simd Width()
    {
        try
        {
            return Simd.Default;
        }
        catch (TensorException e)
        {
            throw new WrongInputException($"the environment variable {e.Message}; set it to one of these or unset it", e);
        }
    }

    /// <summary>One of some words, or none given.</summary>
    internal static Option<string?> OneOf(string name, string description, params string[] values)
    {
        Option<string?> option = new(name) { Description = $"{description} One of: {string.Join(", ", values)}.", HelpName = name.TrimStart('-').ToUpperInvariant() };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: string value }] && !values.Contains(value)) result.AddError($"{name} must be one of {string.Join(", ", values)}, got '{value}'");
        });
        return option;
    }
}
