using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class DclsLearningGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All => [("dcls-repulsion", Repel), ("snn-sig-schedule", Sigma)];

    /// <summary>Positions are (2, out, in/g, count) or (2, out, count).</summary>
    static readonly Layout points = new(static rank => [0, .. Enumerable.Range(1, rank - 1).Reverse()]);

    static void Repel(GoldenCase c)
    {
        Tensor[] positions = [.. Enumerable.Range(0, c.Int("n_parameters")).Select(i => c.Leaf($"P{i}", points))];
        Tensor value = Repulsion.Of(positions), squared = value * value;
        c.Check("value", value);
        if (c.HasTensor("value_squared")) c.Check("value_squared", squared);
        (c.Text("gradient_of") switch { "value" => value, "value**2" => squared, _ => throw c.Unknown("gradient_of") }).Backward();
        for (int i = 0; i < positions.Length; i++) c.CheckGradient($"dP{i}", positions[i], points);
    }

    static void Sigma(GoldenCase c)
    {
        if (c.Text("method") != "exp") throw c.Unknown("method");
        SigmaSchedule schedule = new(c.Number("sigInit"), c.Number("final_epoch"));
        c.Check("sig", [.. Enumerable.Range(1, c.Int("epochs")).Select(e => schedule.At(e))]);
    }
}
