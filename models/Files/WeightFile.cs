using System.Buffers.Binary;

namespace MiniTorch.Models;

/// <summary>
/// The weights of a file under the names it has: a checkpoint of a run (the averaged ones, as <see cref="Trainer.Weights"/>), safetensors, or what PyTorch wrote
/// (<see cref="TorchFile"/>). Which of them is told by its first bytes and its keys, not by its name.
/// </summary>
/// <param name="Format">What the file is.</param>
/// <param name="Part">Under which key of the file the weights were; null for the file itself.</param>
/// <param name="Tensors">They.</param>
public sealed record WeightFile(string Format, string? Part, IReadOnlyDictionary<string, StoredTensor> Tensors)
{
    const string TrainingState = "state", Config = "config";           // what safetensors of a training tell beside their tensors
    static readonly string[] wrappers = ["module.", "_orig_mod."];       // what wrapped modules put before every name

    /// <summary>The config.json of the run whose checkpoint the file is, else null.</summary>
    public string? RunConfig { get; private init; }

    /// <summary>Reads a file; an <see cref="InvalidDataException"/> names it and says why it cannot be read.</summary>
    public static WeightFile Read(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"there is no file {path}", path);
        Span<byte> first = stackalloc byte[9];
        first.Clear();
        using (FileStream file = File.OpenRead(path)) _ = file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        if (first is [.., (byte)'{'] && BinaryPrimitives.ReadInt64LittleEndian(first) <= new FileInfo(path).Length) return OfSafetensors(Safetensors.Read(path), path);
        if (first is [(byte)'P', (byte)'K', ..])
        {
            (string? part, Dictionary<string, StoredTensor> tensors) = TorchFile.Find(path);
            return new("PyTorch", part, Unwrapped(tensors));
        }
        throw new InvalidDataException(first is [0x80, 2, 0x8a, 10, ..]
            ? $"{path} has the format that PyTorch wrote before 1.6, which cannot be read safely; load it there and save it anew, with torch.save or as safetensors"
            : $"{path} holds no weights that can be read: neither safetensors nor a zip archive of PyTorch");
    }

    static WeightFile OfSafetensors(Safetensors file, string path)
    {
        if (!file.Metadata.ContainsKey(TrainingState)) return new("safetensors", null, Unwrapped(file.Tensors));
        try
        {
            return new("checkpoint of a run", null, Trainer.Weights(file)) { RunConfig = file.Metadata.GetValueOrDefault(Config) };
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    static IReadOnlyDictionary<string, StoredTensor> Unwrapped(IReadOnlyDictionary<string, StoredTensor> tensors)
    {
        foreach (string wrapper in wrappers)
            if (tensors.Count > 0 && tensors.Keys.All(k => k.StartsWith(wrapper, StringComparison.Ordinal))) tensors = tensors.ToDictionary(t => t.Key[wrapper.Length..], static t => t.Value);
        return tensors;
    }
}
