using System.Globalization;

namespace MiniTorch.Models.Bench;

/// <summary>The numbers of a shape as work items spell it: "N8 C96 H56 k17" by letter, "25088x96x384" in order, "T100 B64 140-256-20 d25" with the widths of layers between.</summary>
readonly record struct Sizes(string Text)
{
    /// <summary>The number after a letter.</summary>
    internal int this[char letter] => Find(letter) ?? throw new FormatException($"the shape '{Text}' has no {letter}");

    /// <summary>The number after a letter, or null.</summary>
    internal int? Find(char letter)
    {
        foreach (string part in Text.Split(' '))
            if (part[0] == letter) return int.Parse(part.AsSpan(1), CultureInfo.InvariantCulture);
        return null;
    }

    /// <summary>The numbers between the x.</summary>
    internal int[] Extents() => Array.ConvertAll(Text.Split('x'), static n => int.Parse(n, CultureInfo.InvariantCulture));

    /// <summary>The widths between the dashes.</summary>
    internal int[] Widths() => Array.ConvertAll(Array.Find(Text.Split(' '), static part => part.Contains('-', StringComparison.Ordinal))!.Split('-'), static n => int.Parse(n, CultureInfo.InvariantCulture));

    /// <summary>The text itself.</summary>
    public override string ToString() => Text;
}
