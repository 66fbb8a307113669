using System.Text.RegularExpressions;

namespace MiniTorch.Models;

/// <summary>
/// How another program names the tensors of a family in its files. Rules are templates of whole names, ours and theirs, in which # stands for a number and * for any text, as many
/// and in the same order on both sides. All rules are applied, in order to theirs and in reverse to ours, so that a table is read in both directions.
/// </summary>
/// <param name="Program">Whose names they are.</param>
/// <param name="Mark">Template of a name of theirs that no file under other names has: what the convention is recognised by.</param>
/// <param name="Rules">Ours and theirs.</param>
public sealed record Naming(string Program, string Mark, params (string Ours, string Theirs)[] Rules)
{
    /// <summary>The names that checkpoints of this project, the official DCLS packages, facebook, sail and apple have.</summary>
    public static Naming Official { get; } = new("official", "*");

    readonly (Regex Ours, string Theirs)[] there = [.. Rules.Select(static r => (Pattern(r.Ours), Replacement(r.Theirs)))];
    readonly (Regex Theirs, string Ours)[] back = [.. Rules.Reverse().Select(static r => (Pattern(r.Theirs), Replacement(r.Ours)))];
    readonly Regex mark = Pattern(Mark);
    Regex[] kernels = [];

    /// <summary>Templates of our names of matrices that they hold as 1×1 kernels, (out, in, 1, 1).</summary>
    public IReadOnlyList<string> Kernels { init => kernels = [.. value.Select(Pattern)]; }

    /// <summary>Whether a file with these names is one of theirs.</summary>
    public bool Recognises(IEnumerable<string> names) => names.Any(n => mark.IsMatch(n));

    /// <summary>Their name of a tensor that has this one here.</summary>
    public string ToFile(string ours) => there.Aggregate(ours, static (name, rule) => rule.Ours.Replace(name, rule.Theirs));

    /// <summary>Our name of a tensor that has this one there; null if they have no such name.</summary>
    public string? FromFile(string theirs)
    {
        string ours = back.Aggregate(theirs, static (name, rule) => rule.Theirs.Replace(name, rule.Ours));
        return ToFile(ours) == theirs ? ours : null;
    }

    /// <summary>Their tensor in the shape that it has here.</summary>
    public StoredTensor FromFile(string ours, StoredTensor stored)
        => stored.Shape.Rank == 4 && stored.Shape[2] == 1 && stored.Shape[3] == 1 && IsKernel(ours) ? stored with { Shape = [stored.Shape[0], stored.Shape[1]] } : stored;

    /// <summary>Our tensor in the shape that it has there.</summary>
    public StoredTensor ToFile(string ours, StoredTensor stored)
        => stored.Shape.Rank == 2 && IsKernel(ours) ? stored with { Shape = [stored.Shape[0], stored.Shape[1], 1, 1] } : stored;

    bool IsKernel(string ours) => kernels.Any(k => k.IsMatch(ours));

    static Regex Pattern(string template) => new("^" + Regex.Escape(template).Replace("\\#", "([0-9]+)", StringComparison.Ordinal).Replace("\\*", "(.*)", StringComparison.Ordinal) + "$", RegexOptions.CultureInvariant);

    static string Replacement(string template)
    {
        int group = 0;
        return string.Concat(template.Replace("$", "$$", StringComparison.Ordinal).Select(c => c is '#' or '*' ? $"${{{++group}}}" : c.ToString()));
    }
}
