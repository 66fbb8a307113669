using System.Globalization;
using System.Text.Json;

namespace MiniTorch.Bundle;

/// <summary>
/// Lines of JSON of dcls bench and race.py as rows of a table. Ours is the slower of two turns, its spread the shortest and the longest time of both. Floors are what the GPU's own product and copy, measured
/// in the same run, allow. What failed or was not measured is a dash.
/// </summary>
static class RaceTable
{
    internal const string StepColumns = "| network | precision | ours | spread | of floor | official | best | compiled | to the fastest | to official | ours images/s | ours MB | its MB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    internal const string KernelColumns = "| work | shape | precision | ours | spread | of floor | official | best | its form | its spread | to the best | to official |\n|---|---|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n";

    const string Coarse = "0.0", Fine = "0.000";

    internal static string Step(string model, string precision, JsonElement? first, JsonElement? second, IReadOnlyList<JsonElement> theirs)
    {
        Turns ours = new(first, second);
        double? official = Of("official"), best = Of("best"), compiled = Of("compiled");
        JsonElement? fastest = Fastest(theirs);
        return Row([model, precision, Told(ours.Ms), ours.Spread, Share(Value(first ?? second, "floor_ms"), ours.Ms), Told(official), Told(best), Told(compiled), Ratio(Value(fastest, "median_ms"), ours.Ms), Ratio(official, ours.Ms),
            Told(1e3 * Value(first ?? second, "batch") / ours.Ms), Told(Value(first ?? second, "peak_mb")), Told(Value(fastest, "peak_mb"))]);

        double? Of(string way) => Way(theirs, way);
    }

    internal static string Kernel(string name, string shape, string precision, JsonElement? first, JsonElement? second, IReadOnlyList<JsonElement> theirs)
    {
        Turns ours = new(first, second);
        double? official = Way(theirs, "official");
        JsonElement? best = Fastest(theirs);
        return Row([name, shape, precision, Told(ours.Ms, Fine), ours.SpreadIn(Fine), Share(Value(first ?? second, "bound_ms"), ours.Ms), Told(official, Fine), Told(Value(best, "median_ms"), Fine), best?.GetProperty("way").GetString() ?? "-",
            new Turns(best, null).SpreadIn(Fine), Ratio(Value(best, "median_ms"), ours.Ms), Ratio(official, ours.Ms)]);
    }

    readonly record struct Turns(JsonElement? First, JsonElement? Second)
    {
        internal double? Ms => Most("median_ms");

        internal string Spread => SpreadIn(Coarse);

        internal string SpreadIn(string format) => Least("min_ms") is { } least && Most("max_ms") is { } most ? $"{Told(least, format)}–{Told(most, format)}" : "-";

        double? Most(string name) => new[] { Value(First, name), Value(Second, name) }.Max();

        double? Least(string name) => new[] { Value(First, name), Value(Second, name) }.Min();
    }

    static JsonElement? Fastest(IReadOnlyList<JsonElement> theirs) => theirs.Where(static t => Value(t, "median_ms") is not null).Select(static t => (JsonElement?)t).MinBy(static t => Value(t, "median_ms"));

    static double? Way(IReadOnlyList<JsonElement> theirs, string way) => theirs.Where(t => t.GetProperty("way").GetString() == way).Select(static t => Value(t, "median_ms")).FirstOrDefault();

    static string Row(string[] cells) => $"| {string.Join(" | ", cells)} |\n";

    static string Ratio(double? theirs, double? ours) => theirs / ours is { } ratio ? ratio.ToString("0.00", CultureInfo.InvariantCulture) + "x" : "-";

    static string Share(double? floor, double? ours) => floor / ours is { } share ? share.ToString("0 %", CultureInfo.InvariantCulture) : "-";

    static double? Value(JsonElement? row, string name) => row is { } r && r.TryGetProperty(name, out JsonElement v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : null;

    static string Told(double? value, string format = Coarse) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
