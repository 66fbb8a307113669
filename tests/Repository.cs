using System.Runtime.CompilerServices;

namespace MiniTorch.Tests;

/// <summary>The checkout these tests were compiled from.</summary>
static class Repository
{
    internal static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), ".."));

    static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
