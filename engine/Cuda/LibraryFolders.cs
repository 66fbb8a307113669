namespace MiniTorch.Cuda;

/// <summary>Where CUDA's libraries may lie, beside where the loader looks.</summary>
static class LibraryFolders
{
    /// <summary>The folders that the environment asks for.</summary>
    internal static string[] Asked() => Split(CudaLibraries.Variable);

    /// <summary>A toolkit that the environment names, installed toolkits, Debian's packages, the wheels of Python environments.</summary>
    internal static string[] Usual { get; } = [.. Toolkits(), "/usr/lib/x86_64-linux-gnu", .. Wheels()];

    static IEnumerable<string> Toolkits()
    {
        foreach (string variable in (string[])["CUDA_HOME", "CUDA_PATH"])
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } root) yield return Path.Combine(root, "lib64");
        foreach (string root in Children("/usr/local", "cuda*"))
        {
            yield return Path.Combine(root, "lib64");
            yield return Path.Combine(root, "targets/x86_64-linux/lib");
        }
    }

    /// <summary>Folders lib/python3.*/site-packages/nvidia/*/lib of the environments that are active or on the path.</summary>
    static IEnumerable<string> Wheels()
    {
        HashSet<string> prefixes = [];
        foreach (string variable in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } prefix) prefixes.Add(prefix);
        foreach (string folder in Split("PATH"))
        {
            FileInfo python = new(Path.Combine(folder, "python3"));
            if (!python.Exists) continue;
            prefixes.Add(Path.GetDirectoryName(folder) ?? "/");
            if (python.ResolveLinkTarget(returnFinalTarget: true) is { } target && Path.GetDirectoryName(Path.GetDirectoryName(target.FullName)) is { } real) prefixes.Add(real);
        }
        foreach (string prefix in prefixes)
            foreach (string python in Children(Path.Combine(prefix, "lib"), "python3*"))
                foreach (string package in Children(Path.Combine(python, "site-packages/nvidia"), "*"))
                    yield return Path.Combine(package, "lib");
    }

    static string[] Split(string variable) => (Environment.GetEnvironmentVariable(variable) ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Subfolders, highest version first.</summary>
    static string[] Children(string folder, string pattern)
    {
        if (!Directory.Exists(folder)) return [];
        string[] found = Directory.GetDirectories(folder, pattern);
        Array.Sort(found, static (a, b) => string.CompareOrdinal(b, a));
        return found;
    }
}
