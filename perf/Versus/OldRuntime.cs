using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace MiniTorch.Perf;

/// <summary>
/// Makes TorchSharp's bindings load with a C++ runtime that is older than the one they were built with (Debian 12 has GLIBCXX_3.4.30, they ask for 3.4.32). All they take
/// from the newer one is a function that does nothing: the demand for its version is marked as weak in the library's ELF tables, and the function comes from a small library
/// of our own that is loaded first.
/// </summary>
static class OldRuntime
{
    const string Bindings = "libLibTorchSharp.so", Runtime = "libstdc++.so.6", Shim = "libios_init.so", Source = "ios_init.c";
    const int VersionNeeds = 0x6FFFFFFE;        // section type SHT_GNU_verneed
    const ushort Weak = 2;                      // VER_FLG_WEAK
    static readonly string[] compilers = ["cc", "gcc", "clang", "g++"];

    /// <summary>A version that a library asks for, and where its flags are in the file.</summary>
    readonly record struct Need(string Library, string Version, int FlagsAt, bool IsWeak);

    /// <summary>The library to load before all others, or null if the machine's runtime is new enough. <paramref name="folder"/> has the bindings, <paramref name="sources"/> the shim.</summary>
    internal static string? Provide(string folder, string sources)
    {
        string path = Path.Combine(folder, Bindings);
        byte[] file = File.ReadAllBytes(path);
        byte[] runtime = File.ReadAllBytes(RuntimePath());
        Need[] missing = [.. Needs(file).Where(n => n.Library == Runtime && runtime.AsSpan().IndexOf(Encoding.ASCII.GetBytes(n.Version + '\0')) < 0)];
        if (missing.Length == 0) return null;
        if (missing.Any(static n => !n.IsWeak)) Weaken(path, file, missing);
        string shim = Path.Combine(folder, Shim);
        if (!File.Exists(shim)) Compile(Path.Combine(sources, Source), shim);
        return shim;
    }

    /// <summary>Replaces the file by a changed copy (it may be a link into the package cache) of the same time, so that builds leave it alone.</summary>
    static void Weaken(string path, byte[] file, Need[] needs)
    {
        foreach (Need n in needs)
        {
            Span<byte> flags = file.AsSpan(n.FlagsAt);
            BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | Weak));
        }
        DateTime time = File.GetLastWriteTimeUtc(path);
        string beside = path + ".new";
        File.WriteAllBytes(beside, file);
        File.SetLastWriteTimeUtc(beside, time);
        File.Move(beside, path, overwrite: true);
    }

    static void Compile(string source, string library)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string compiler = compilers.FirstOrDefault(c => folders.Any(f => File.Exists(Path.Combine(f, c))))
            ?? throw new UsageException("this machine's C++ runtime is older than the peer's, and making up for it takes a C compiler: apt-get install gcc");
        using Process process = Process.Start(new ProcessStartInfo(compiler, ["-x", "c", "-O2", "-shared", "-fPIC", source, "-o", library]) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new UsageException($"{compiler} cannot compile {source}: {errors.Split('\n')[0]}; apt-get install gcc libc6-dev");
    }

    /// <summary>Where the loader finds the C++ runtime.</summary>
    static string RuntimePath()
    {
        if (!NativeLibrary.TryLoad(Runtime, out _)) throw new UsageException($"libtorch needs {Runtime}: apt-get install libstdc++6");
        return File.ReadLines("/proc/self/maps").First(static l => l.Contains('/' + Runtime, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1];
    }

    /// <summary>
    /// The version needs of a 64-bit little-endian ELF file: a chain of one record a library (count, name, first, next), each with a chain of one a version (flags, name,
    /// next); names are offsets in the string table that the section links to.
    /// </summary>
    static IEnumerable<Need> Needs(byte[] file)
    {
        int headers = (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(0x28)), size = Half(file, 0x3A), count = Half(file, 0x3C);
        for (int s = 0; s < count; s++)
        {
            int header = headers + s * size;
            if (Word(file, header + 4) != VersionNeeds) continue;
            int at = (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(header + 0x18)), strings = headers + Word(file, header + 0x28) * size;
            int names = (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(strings + 0x18));
            for (bool more = true; more;)
            {
                int version = at + Word(file, at + 8);
                for (int left = Half(file, at + 2); left > 0; left--)
                {
                    yield return new(Name(file, names + Word(file, at + 4)), Name(file, names + Word(file, version + 8)), version + 4, (Half(file, version + 4) & Weak) != 0);
                    version += Word(file, version + 12);
                }
                int next = Word(file, at + 12);
                more = next != 0;
                at += next;
            }
        }
    }

    static int Word(byte[] file, int at) => BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at));

    static int Half(byte[] file, int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at));

    static string Name(byte[] file, int at)
    {
        ReadOnlySpan<byte> rest = file.AsSpan(at);
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]);
    }
}
