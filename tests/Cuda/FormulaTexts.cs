using System.Text;
using MiniTorch.Cli;

namespace MiniTorch.Tests.Cuda;

/// <summary>The text of every kernel with a formula.</summary>
static class FormulaTexts
{
    internal static Dictionary<string, (string Text, string Entry, Type Args)> ByName { get; } =
        FormulaKernels.All.ToDictionary(static k => $"{k.Owner} {k.Function.Entry}", static k => (Encoding.UTF8.GetString(k.Function.Module.Read()), k.Function.Entry, k.Args));

    public static TheoryData<string> Names => [.. ByName.Keys.Order()];
}
