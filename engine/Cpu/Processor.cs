using System.Runtime.InteropServices;

namespace MiniTorch;

/// <summary>The processor that this program runs on.</summary>
static class Processor
{
    const string List = "/proc/cpuinfo";

    /// <summary>Its name as the system has it, with family and model, as a name alone may cover several generations.</summary>
    internal static string Name { get; } = Read();

    static string Read()
    {
        if (!File.Exists(List)) return RuntimeInformation.ProcessArchitecture.ToString();
        string? name = null, family = null, model = null;
        foreach (string line in File.ReadLines(List))
        {
            if (line.Length == 0) break;                // the first processor is told of; the others are like it
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) continue;
            string value = line[(colon + 1)..].Trim();
            switch (line[..colon].Trim())
            {
                case "model name": name ??= value; break;
                case "cpu family": family ??= value; break;
                case "model": model ??= value; break;
            }
        }
        name ??= "unnamed processor";
        return family is null || model is null ? name : $"{name} (family {family} model {model})";
    }
}
