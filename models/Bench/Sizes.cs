using System.Globalization;

namespace MiniTorch.Models.Bench;

/// <summary>The numbers of a shape as work items spell it: "N8 C96 H56 k17" by letter, "25088x96x384" in order.</summary>
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

    /// <summary>The text itself.</summary>
    public override string ToString() => Text;
}
