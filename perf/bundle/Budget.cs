using System.Diagnostics;

namespace MiniTorch.Bundle;

/// <summary>The time for all steps, in minutes; it runs from when it is made.</summary>
sealed class Budget(double minutes)
{
    internal const double Usual = 10, Least = 1, Most = 600;

    readonly Stopwatch clock = Stopwatch.StartNew();

    internal TimeSpan Left => TimeSpan.FromMinutes(minutes) - clock.Elapsed;

    /// <summary>A part of the whole, or what is left of it.</summary>
    internal TimeSpan Share(double part)
    {
        TimeSpan share = TimeSpan.FromMinutes(minutes * part), left = Left;
        return share < left ? share : left;
    }
}
