namespace MiniTorch.Models;

/// <summary>Everything that a file lacks, has too much of, or has in another shape than a model: one exception for all of it.</summary>
sealed class CheckpointProblems(Func<string, string> nameInFile)
{
    const int Shown = 6;            // of each kind in the message; the rest in the inner exception

    readonly List<string> missing = [], unexpected = [], others = [];

    internal void Missing(string name) => missing.Add("missing " + nameInFile(name));

    /// <summary>A name of the file's own.</summary>
    internal void Unexpected(string theirs) => unexpected.Add("unexpected " + theirs);

    internal void Shape(string name, Shape has, Shape expected) => others.Add($"{nameInFile(name)} has shape {has}, {expected} was expected");

    internal void Differs(string name) => others.Add($"{nameInFile(name)} differs from the tensor it is to share");

    /// <summary>Throws if there are any: an <see cref="InvalidDataException"/> with the first of each kind and, where there are more, an inner one with all.</summary>
    internal void Throw()
    {
        List<string>[] kinds = [others, missing, unexpected];
        if (kinds.All(static k => k.Count == 0)) return;
        foreach (List<string> kind in kinds) kind.Sort(StringComparer.Ordinal);
        string message = "the checkpoint does not fit the model: " + string.Join("; ", kinds.SelectMany(static k => k.Take(Shown)));
        int more = kinds.Sum(static k => Math.Max(0, k.Count - Shown));
        if (more == 0) throw new InvalidDataException(message);
        throw new InvalidDataException($"{message}; and {more:n0} more", new CheckpointProblemsException(string.Join("\n", kinds.SelectMany(static k => k))));
    }
}

/// <summary>All that a checkpoint lacks, has too much of or has in another shape, a line each: inside the exception whose message has room for the first of them.</summary>
public sealed class CheckpointProblemsException(string message) : Exception(message);

/// <summary>What a model is built from instead of initial values.</summary>
/// <param name="Tensors">The tensors of a file by the model's names.</param>
public sealed record ParameterSource(IReadOnlyDictionary<string, StoredTensor> Tensors)
{
    /// <summary>What the file calls a tensor of the model, for messages.</summary>
    public Func<string, string> NameInFile { get; init; } = static name => name;

    /// <summary>Names of the file that no model of the family has.</summary>
    public IReadOnlyList<string> Unexpected { get; init; } = [];

    /// <summary>The model's names of what gets its initial values all the same.</summary>
    public IReadOnlySet<string> Anew { get; init; } = new HashSet<string>();
}
