using System.Reflection;
using System.Text;

namespace MiniTorch.Cuda;

/// <summary>A kernel as a device has it after loading its module: what it needs tells whether registers were spilled.</summary>
sealed record KernelNeeds(string Module, string Kernel, FunctionAttributes Needs)
{
    const string Suffix = ".ptx", Entry = ".visible .entry ";

    /// <summary>
    /// Loads every module that is embedded in an assembly and tells what its kernels need. Files of frames are left out: they become modules with the formulas that fill them,
    /// when an op launches one (<see cref="CudaDevice.Loaded"/>).
    /// </summary>
    internal static List<KernelNeeds> Of(CudaDevice device, Assembly assembly)
    {
        List<KernelNeeds> all = [];
        string[] names = assembly.GetManifestResourceNames();
        Array.Sort(names, StringComparer.Ordinal);
        foreach (string name in names)
        {
            if (!name.EndsWith(Suffix, StringComparison.Ordinal)) continue;
            using Stream file = assembly.GetManifestResourceStream(name)!;
            byte[] ptx = new byte[file.Length];
            file.ReadExactly(ptx);
            string text = Encoding.UTF8.GetString(ptx);
            if (text.Contains(FormulaModule.Place, StringComparison.Ordinal)) continue;
            List<string> kernels = [];
            for (int at = 0; (at = text.IndexOf(Entry, at, StringComparison.Ordinal)) >= 0;) kernels.Add(text[(at += Entry.Length)..text.IndexOf('(', at)]);
            foreach ((string kernel, FunctionAttributes needs) in device.Load(ptx, kernels)) all.Add(new(name[..^Suffix.Length], kernel, needs));
        }
        return all;
    }
}
