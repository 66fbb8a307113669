using MiniTorch.Ops;

namespace MiniTorch.Tests.Parity;

public sealed class ShapeGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
    [
        ("embedding", c =>
        {
            Tensor w = c.Leaf("w");
            c.CheckAll(c.Indices("i").Embed(w), ("w", w, Layout.Same));
        }),
        ("gather", c =>
        {
            Tensor x = c.Leaf("x");
            c.CheckAll(x.Gather(c.Int("dim"), c.Indices("i")), ("x", x, Layout.Same));
        }),
        ("index_select", c =>
        {
            Tensor x = c.Leaf("x");
            c.CheckAll(x.IndexSelect(c.Int("dim"), c.Indices("i")), ("x", x, Layout.Same));
        }),
        ("pad", c =>
        {
            Tensor x = c.Leaf("x");
            int[] flat = c.Ints("pad");         // last dimension first, as PyTorch counts
            (int, int)[] pads = new (int, int)[x.Shape.Rank];
            for (int i = 0; i < flat.Length; i += 2) pads[^(i / 2 + 1)] = (flat[i], flat[i + 1]);
            c.CheckAll(x.Pad(Mode(c, "mode"), pads), ("x", x, Layout.Same));
        }),
    ];

    public static PaddingMode Mode(GoldenCase c, string key) => c.Text(key) switch
    {
        "constant" or "zeros" => PaddingMode.Zeros,
        "reflect" => PaddingMode.Reflect,
        "replicate" => PaddingMode.Replicate,
        "circular" => PaddingMode.Circular,
        _ => throw c.Unknown(key),
    };
}
