namespace MiniTorch.Models;

/// <summary>What was read where.</summary>
/// <param name="Format">What the file is.</param>
/// <param name="Part">Under which key the weights were; null for the file itself.</param>
/// <param name="Names">Whose names they have there.</param>
/// <param name="Tensors">How many of the file's tensors the model has taken.</param>
/// <param name="Anew">Our names of what was not taken from the file but starts from initial values: a new head's, or none.</param>
/// <param name="Network">What was built: a FastViT may have been folded in the file.</param>
public sealed record PretrainedReport(string Format, string? Part, string Names, int Tensors, IReadOnlyList<string> Anew, Network Network)
{
    /// <summary>One line.</summary>
    public override string ToString()
        => $"{Format}{(Part is null ? "" : $", {Part}")}: {Tensors:n0} tensors under {Names} names{(Anew.Count == 0 ? "" : $"; {string.Join(", ", Anew)} anew")}";
}

/// <summary>Networks with the weights of files from anywhere: whoever wrote them, in whichever format, under whichever of the names that the network's family has.</summary>
public static class Pretrained
{
    /// <summary>
    /// Builds a network with the weights of a file. Everything missing, unexpected and mis-shaped is told in one <see cref="InvalidDataException"/>, with the names of the file.
    /// </summary>
    /// <param name="network">What the weights are of; a FastViT whose branches the file has folded is built folded.</param>
    /// <param name="sample">Shape of the samples.</param>
    /// <param name="classes">Number of classes; the file's, unless the head is new.</param>
    /// <param name="path">The file.</param>
    /// <param name="device">Where to.</param>
    /// <param name="newHead">Whether what depends on the number of classes starts from initial values, whatever the file has of it.</param>
    /// <param name="seed">What initial values, dropout and drop path are drawn from.</param>
    /// <param name="columnsFirst">
    /// For DCLS of version v0 alone: whether the first row of P counts columns. That is so in files of the official package of November 2022 to October 2023; in those before and
    /// after, all published ConvNeXts among them, it counts rows. No file tells which, and the wrong choice transposes every kernel.
    /// </param>
    public static (ILayer Model, ParameterStore Store, PretrainedReport Report) Load(Network network, Shape sample, int classes, string path, Device device, bool newHead = false, ulong seed = 0,
        bool columnsFirst = false)
    {
        WeightFile file = WeightFile.Read(path);
        Naming naming = network.Namings.FirstOrDefault(n => n.Recognises(file.Tensors.Keys)) ?? Naming.Official;
        Dictionary<string, StoredTensor> tensors = [];
        List<string> unexpected = [];
        foreach ((string theirs, StoredTensor stored) in file.Tensors)
            if (naming.FromFile(theirs) is not { } ours) unexpected.Add(theirs);
            else tensors[ours] = columnsFirst && ours.EndsWith(".P", StringComparison.Ordinal) ? RowsSwapped(naming.FromFile(ours, stored)) : naming.FromFile(ours, stored);
        network = network.As(tensors.Keys);
        HashSet<string> head = Head(network, sample, classes), anew = newHead ? head : [];
        try
        {
            (ILayer model, ParameterStore store) = ParameterStore.BuildFrom(new(tensors) { NameInFile = naming.ToFile, Unexpected = unexpected, Anew = anew }, at => network.Build(at, sample, classes), device, seed: seed);
            return (model, store, new(file.Format, file.Part, naming.Program, store.All.Count(p => !anew.Contains(p.Name)), [.. anew.Order(StringComparer.Ordinal)], network));
        }
        catch (InvalidDataException e)
        {
            bool other = !newHead && head.Any(name => tensors.TryGetValue(name, out StoredTensor? stored) && stored.Shape.Rank > 0 && stored.Shape[0] != classes);
            throw new InvalidDataException($"{path}, {naming.Program} names: {e.Message}{(other ? $"; it is of another number of classes than {classes}, for which its head must be replaced" : "")}", e.InnerException ?? e);
        }
    }

    /// <summary>
    /// The tensors of a model as a program names them, "official" or "timm", for safetensors that other programs read; an <see cref="ArgumentException"/> if the family has no such
    /// names. A tensor that several layers share is written for each, as in the official files.
    /// </summary>
    public static Safetensors Named(Network network, ParameterStore store, string program)
    {
        Naming naming = network.Namings.Append(Naming.Official).FirstOrDefault(n => n.Program == program)
            ?? throw new ArgumentException($"the network has no {program} names; there are {string.Join(", ", network.Namings.Append(Naming.Official).Select(static n => n.Program))}");
        Safetensors own = new(), file = new();
        store.Save(own);
        foreach ((string name, StoredTensor tensor) in own.Tensors) file.Tensors[naming.ToFile(name)] = naming.ToFile(name, tensor);
        return file;
    }

    /// <summary>The tensors whose shape follows the number of classes.</summary>
    static HashSet<string> Head(Network network, Shape sample, int classes)
    {
        Dictionary<string, Shape> others = Shapes(classes + 1);
        return [.. Shapes(classes).Where(s => others[s.Key] != s.Value).Select(static s => s.Key)];

        Dictionary<string, Shape> Shapes(int count)
        {
            using ShapeDevice device = new();
            (_, ParameterStore store) = ParameterStore.Build(at => network.Build(at, sample, count), device);
            using (store) return store.All.ToDictionary(static p => p.Name, static p => p.Tensor.Shape);
        }
    }

    static StoredTensor RowsSwapped(StoredTensor position)
    {
        if (position.Shape.Rank == 0 || position.Shape[0] != 2) throw new InvalidDataException($"positions {position.Shape} have no two rows to be swapped");
        int row = position.Bytes.Length / 2;
        byte[] swapped = [.. position.Bytes.Span[row..], .. position.Bytes.Span[..row]];
        return position with { Bytes = swapped };
    }
}
