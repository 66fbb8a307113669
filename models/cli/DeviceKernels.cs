using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using MiniTorch.Cuda;

namespace MiniTorch.Cli;

/// <summary>
/// A kernel as a device compiled it: registers and local bytes of a thread, static shared bytes of a block, the largest block it can be launched with. Local bytes are registers
/// that were spilled to memory: the kernels keep no arrays there. Where the device refuses the kernel, its words for it.
/// </summary>
sealed record DeviceKernel(string Module, string Kernel, int? Registers, int? LocalBytes, int? StaticSharedBytes, int? MaxThreads, string? Error)
{
    /// <summary>True if the kernel does not load, or spills.</summary>
    internal bool IsWrong => Error is not null || LocalBytes > 0;
}

/// <summary>Every kernel of the program: those of the embedded PTX, and one for each formula and each frame that takes it.</summary>
static partial class DeviceKernels
{
    /// <summary>Loads the kernels one after another.</summary>
    internal static IEnumerable<DeviceKernel> Of(CudaDevice device)
        => FormulaKernels.Assemblies.SelectMany(Embedded).Concat(FormulaKernels.All.Select(static k => (Module: k.Owner, k.Function))).Select(k => Load(device, k.Module, k.Function));

    /// <summary>The entries of an assembly's PTX files. One that leaves places open for a formula is not loaded as it is: it is the frame of kernels with formulas.</summary>
    static IEnumerable<(string Module, CudaFunction Function)> Embedded(Assembly assembly)
    {
        foreach (string file in assembly.GetManifestResourceNames().Where(static f => Path.GetExtension(f) == ".ptx").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            CudaModule module = new(assembly.GetTypes()[0], name);
            string text = Encoding.UTF8.GetString(module.Read());
            if (Place().IsMatch(text)) continue;
            foreach (Match entry in Entry().Matches(text)) yield return (name, module.Function<int>(entry.Groups[1].Value));
        }
    }

    static DeviceKernel Load(CudaDevice device, string module, CudaFunction function)
    {
        try
        {
            FunctionAttributes a = device.Attributes(function);
            return new(module, function.Entry, a.Registers, a.LocalBytes, a.StaticSharedBytes, a.MaxThreads, null);
        }
        catch (CudaException e)
        {
            return new(module, function.Entry, null, null, null, null, e.Message);
        }
    }

    [GeneratedRegex(@"^\tformula\d", RegexOptions.Multiline)]
    private static partial Regex Place();

    [GeneratedRegex(@"\.visible \.entry (\w+)\(")]
    private static partial Regex Entry();
}
