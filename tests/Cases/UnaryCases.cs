using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class UnaryCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("silu of a slice", [new([7, 3], -4, 4)], x => x[0].Slice(0, 1, 5).Silu()),
        new("silu", [new([3, 37], -4, 4)], x => x[0].Silu()),
    ];
}
