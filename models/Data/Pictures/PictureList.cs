using System.Text;

namespace MiniTorch.Models;

/// <summary>
/// Pictures listed in a CSV file with a header of the columns path, label and, where the parts are named, split (train, and test or val); other columns are not looked at. Paths are
/// relative to the file. Classes are the labels, sorted. Without a split, of each class every fifth picture in the list's order is for testing.
/// </summary>
static class PictureList
{
    /// <summary>The one list in a folder, or null.</summary>
    internal static string? Find(string folder)
    {
        string[] lists = [.. Directory.EnumerateFiles(folder, "*.csv").Order(StringComparer.Ordinal)];
        return lists.Length < 2 ? lists.FirstOrDefault() : throw new InvalidDataException($"{folder} has the lists {string.Join(", ", lists.Select(Path.GetFileName))}; name the one that is meant instead of the folder");
    }

    internal static (IDataset Train, IDataset Test) Open(string list, int size)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(list))!;
        string[] lines = File.ReadAllLines(list);
        string[] header = lines.Length == 0 ? [] : Fields(list, lines[0], 1);
        int path = Array.IndexOf(header, "path"), label = Array.IndexOf(header, "label"), split = Array.IndexOf(header, "split");
        if (path < 0 || label < 0) throw new InvalidDataException($"{list} begins with '{(lines.Length == 0 ? "" : lines[0])}', wanted the columns path, label and perhaps split");
        List<(string Path, string Label, string Split)> rows = [];
        for (int i = 1; i < lines.Length; i++)
        {
            if (lines[i].Length == 0) continue;
            string[] fields = Fields(list, lines[i], i + 1);
            if (fields.Length != header.Length) throw new InvalidDataException($"line {i + 1} of {list} has {fields.Length} fields, wanted {header.Length}; put names with a comma into quotes");
            string part = split < 0 ? "" : fields[split];
            if (split >= 0 && part is not ("train" or "test" or "val")) throw new InvalidDataException($"line {i + 1} of {list} has the split '{part}', wanted train, test or val");
            rows.Add((fields[path], fields[label], part));
        }
        if (rows.Count == 0) throw new InvalidDataException($"{list} lists no picture");
        string[] classes = [.. rows.Select(static r => r.Label).Distinct().Order(StringComparer.Ordinal)];
        Dictionary<string, int> numbers = classes.Select(static (name, number) => (name, number)).ToDictionary(static c => c.name, static c => c.number);
        if (split < 0) return Subset.Split(Part(static _ => true), Pictures.TestEvery);
        string held = rows.Any(static r => r.Split == "test") ? "test" : "val";
        if (rows.All(r => r.Split != "train") || rows.All(r => r.Split != held)) throw new InvalidDataException($"{list} needs pictures of the split train, and of test or val");
        return (Part(static s => s == "train"), Part(s => s == held));

        PictureFiles Part(Func<string, bool> holds) => new(folder, [.. rows.Where(r => holds(r.Split)).Select(r => (r.Path, numbers[r.Label]))], classes, size);
    }

    /// <summary>Fields between commas; those in quotes may hold commas, and quotes twice.</summary>
    static string[] Fields(string list, string line, int number)
    {
        List<string> fields = [];
        StringBuilder field = new();
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (quoted && c == '"' && i + 1 < line.Length && line[i + 1] == '"') field.Append(line[++i]);
            else if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else field.Append(c);
        }
        if (quoted) throw new InvalidDataException($"line {number} of {list} has a quote that does not end");
        return [.. fields, field.ToString()];
    }
}
