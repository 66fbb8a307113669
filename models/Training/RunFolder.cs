using System.Globalization;
using System.Text;

namespace MiniTorch.Models;

/// <summary>
/// The folder of one training: config.json (everything it was asked for), metrics.jsonl (a line per epoch), on a GPU kernels.json (<see cref="RunKernels"/>), an <see cref="EventFile"/> of each session, last.safetensors and best.safetensors. Every file
/// but the metrics is written beside and renamed, so a reader never meets half of one.
/// </summary>
public sealed class RunFolder
{
    const string ConfigName = "config.json", MetricsName = "metrics.jsonl", Suffix = ".safetensors";

    RunFolder(string path, string config) => (Path, Config) = (path, config);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The text of config.json.</summary>
    public string Config { get; }

    /// <summary>The file of metrics.</summary>
    public string MetricsPath => System.IO.Path.Combine(Path, MetricsName);

    /// <summary>The file of a checkpoint: last or best.</summary>
    public string Checkpoint(string name) => System.IO.Path.Combine(Path, name + Suffix);

    /// <summary>Makes the next free <paramref name="parent"/>/name-number and writes its config.</summary>
    public static RunFolder Create(string parent, string name, string config)
    {
        try
        {
            Directory.CreateDirectory(parent);
            int number = 1 + Runs(parent, name + "-").Select(static r => r.Number).DefaultIfEmpty(0).Max();
            RunFolder run = new(System.IO.Path.Combine(parent, $"{name}-{number.ToString(CultureInfo.InvariantCulture)}"), config);
            Directory.CreateDirectory(run.Path);
            run.Write(ConfigName, Encoding.UTF8.GetBytes(config));
            return run;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"no run can be written in the folder {parent} ({e.Message.TrimEnd('.')}); choose another folder, or check its permissions and free space", e);
        }
    }

    /// <summary>Opens an existing run.</summary>
    public static RunFolder Open(string path)
    {
        if (!Directory.Exists(path)) throw new DirectoryNotFoundException($"there is no run {path}");
        string config = System.IO.Path.Combine(path, ConfigName);
        if (!File.Exists(config)) throw new InvalidDataException($"{path} is not a run: it has no {ConfigName}");
        return new(path, File.ReadAllText(config));
    }

    /// <summary>The run in a folder that was written to last; null if there is none.</summary>
    public static RunFolder? Newest(string parent)
    {
        if (!Directory.Exists(parent)) return null;
        string? newest = Directory.GetDirectories(parent).Where(static d => File.Exists(System.IO.Path.Combine(d, "last" + Suffix)))
            .OrderByDescending(static d => File.GetLastWriteTimeUtc(System.IO.Path.Combine(d, "last" + Suffix))).FirstOrDefault();
        return newest is null ? null : Open(newest);
    }

    /// <summary>Writes a file of the run in one piece.</summary>
    public void Write(string name, byte[] content) => WholeFile.Write(System.IO.Path.Combine(Path, name), content);

    internal void Write(string name, Safetensors file) => file.Write(Checkpoint(name));

    /// <summary>Adds a line to the metrics and returns the length of the file.</summary>
    internal long AppendMetrics(string line)
    {
        using FileStream stream = new(MetricsPath, FileMode.Append, FileAccess.Write);
        stream.Write(Encoding.UTF8.GetBytes(line + "\n"));
        stream.Flush(flushToDisk: true);
        return stream.Length;
    }

    /// <summary>Cuts the metrics back to what they were when a checkpoint was written.</summary>
    internal void CutMetrics(long length)
    {
        using FileStream stream = new(MetricsPath, FileMode.OpenOrCreate, FileAccess.Write);
        if (stream.Length < length)
            throw new InvalidDataException($"{MetricsPath} has {stream.Length} bytes but the checkpoint was written after {length}; restore the file or start a new run");
        stream.SetLength(length);
    }

    static IEnumerable<(string Path, int Number)> Runs(string parent, string prefix)
    {
        foreach (string path in Directory.GetDirectories(parent))
        {
            string name = System.IO.Path.GetFileName(path);
            if (name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                yield return (path, number);
        }
    }
}
