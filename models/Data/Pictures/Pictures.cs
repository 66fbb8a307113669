namespace MiniTorch.Models;

/// <summary>
/// Opens a folder of labelled pictures, whatever its layout: IDX files, CIFAR-10 or -100 in binary, a CSV list, or a folder for each class, of training and test pictures apart (as ImageNet's train and val) or
/// together. Where they lie together, of each class every fifth picture by name is for testing, which is always the same and not by chance: pictures that show one thing should be put into one part by hand.
/// </summary>
public static class Pictures
{
    internal const int TestEvery = 5;
    const int DefaultSize = 224;

    static readonly string[] testNames = ["test", "val", "validation"];

    /// <summary>
    /// The training and test part; an <see cref="InvalidDataException"/> says what was looked for. Pictures of any size become samples of <paramref name="size"/>² pixels, 224 if it is left out; IDX and CIFAR
    /// have their own.
    /// </summary>
    public static (IDataset Train, IDataset Test) Open(string folder, int? size = null)
    {
        if (size is < 1) throw new ArgumentOutOfRangeException(nameof(size), size, "pictures have at least one pixel");
        if (File.Exists(folder)) return PictureList.Open(folder, size ?? DefaultSize);
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"the data folder {folder} does not exist; give {Sought}");
        if (Cifar.IsIn(folder) || HasIdx(folder))
        {
            (IDataset Train, IDataset Test) stored = Cifar.IsIn(folder) ? Cifar.From(folder) : FashionMnist.From(folder);
            if (size is not null && size != stored.Train.Sample[0]) throw new ArgumentException($"the pictures of {folder} are {stored.Train.Sample}; leave the size {size} out");
            return stored;
        }
        if (PictureList.Find(folder) is { } list) return PictureList.Open(list, size ?? DefaultSize);
        string train = Path.Combine(folder, "train");
        return Directory.Exists(train) ? Apart(folder, train, size ?? DefaultSize) : Together(folder, size ?? DefaultSize);
    }

    const string Sought = "a folder with train/CLASS/* and val/CLASS/* or test/CLASS/*, with CLASS/* alone, with a list *.csv of path,label[,split], with CIFAR's data_batch_1.bin or train.bin, or with IDX files train-images-idx3-ubyte[.gz]";

    static bool HasIdx(string folder) => Directory.EnumerateFiles(folder, "*-ubyte").Concat(Directory.EnumerateFiles(folder, "*-ubyte.gz")).Any();

    static (IDataset, IDataset) Apart(string folder, string train, int size)
    {
        string[] classes = Names(train);
        if (classes.Length == 0) throw new InvalidDataException($"{train} has no folder for each class; give {Sought}");
        string? test = testNames.Select(n => Path.Combine(folder, n)).FirstOrDefault(static d => Directory.Exists(d) && Names(d).Length > 0);
        PictureFiles first = Files(folder, train, classes, size);
        if (test is null) return Subset.Split(first, TestEvery);
        if (Names(test).Except(classes).FirstOrDefault() is { } strange) throw new InvalidDataException($"{test} has the class {strange}, {train} has not; the same classes must be in both");
        return (first, Files(folder, test, classes, size));
    }

    static (IDataset, IDataset) Together(string folder, int size)
    {
        string[] classes = Names(folder);
        return classes.Length > 0 ? Subset.Split(Files(folder, folder, classes, size), TestEvery) : throw new InvalidDataException($"{folder} holds no pictures in a layout that is known; give {Sought}");
    }

    /// <summary>The folders in a folder, sorted: the names of classes.</summary>
    static string[] Names(string folder)
        => [.. Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>().Where(static n => n[0] != '.').Order(StringComparer.Ordinal)];

    /// <summary>All pictures in and below the folder of each class, sorted by name.</summary>
    static PictureFiles Files(string root, string part, string[] classes, int size)
    {
        EnumerationOptions deep = new() { RecurseSubdirectories = true };
        (string, int)[] files = [.. classes.SelectMany((name, label) => Directory.EnumerateFiles(Path.Combine(part, name), "*", deep)
            .Where(static f => PictureFiles.Endings.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase)).Select(f => Path.GetRelativePath(root, f)).Order(StringComparer.Ordinal).Select(f => (f, label)))];
        return files.Length > 0 ? new(root, files, classes, size)
            : throw new InvalidDataException($"{part} has folders, but no pictures ({string.Join(", ", PictureFiles.Endings)}) in them; give {Sought}");
    }
}
