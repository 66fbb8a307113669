using System.Globalization;
using System.Text.RegularExpressions;
using MiniTorch.Models.Bench;

namespace MiniTorch.Perf;

/// <summary>What was asked for.</summary>
sealed record VersusArguments(IReadOnlyList<WorkItem> Items, bool Json, bool Save, bool OnlyCheck, int Pairs, int Threads)
{
    const string Usage = "use versus [NAMES...] [--json] [--save] [--check] [--pairs N] [--threads N]";

    const int FewestPairs = 7;

    internal static VersusArguments Of(string[] args)
    {
        List<string> names = [];
        (bool json, bool save, bool check, int pairs, int threads) = (false, false, false, FewestPairs, Math.Min(2, Environment.ProcessorCount));
        int i = 0;
        for (; i < args.Length; i++)
            switch (args[i])
            {
                case "--json": json = true; break;
                case "--save": save = true; break;
                case "--check": check = true; break;
                case "--pairs": pairs = Number(FewestPairs); break;
                case "--threads": threads = Number(1); break;
                case ['-', ..]: throw new UsageException($"unknown option '{args[i]}'; {Usage}");
                default: names.Add(args[i]); break;
            }
        WorkItem[] items = [.. WorkItems.All.Where(item => names.Count == 0 || names.Exists(name => Matches(item.ToString(), name)))];
        return items.Length > 0 ? new(items, json, save, check, pairs, threads)
            : throw new UsageException($"no work is called {string.Join(" or ", names)}; there is {string.Join(", ", WorkItems.All.Select(static item => item.Name).Distinct())}");

        int Number(int least) => ++i < args.Length && int.TryParse(args[i], CultureInfo.InvariantCulture, out int n) && n >= least ? n
            : throw new UsageException($"{args[i - 1]} takes a whole number of at least {least}; {Usage}");
    }

    /// <summary>By part of the text, or as a regular expression.</summary>
    static bool Matches(string text, string name)
    {
        if (text.Contains(name, StringComparison.OrdinalIgnoreCase)) return true;
        try
        {
            return Regex.IsMatch(text, name, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        }
        catch (RegexParseException e)
        {
            throw new UsageException($"'{name}' is no regular expression ({e.Message}); {Usage}");
        }
    }
}
