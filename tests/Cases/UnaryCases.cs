using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class UnaryCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("silu", [new([3, 37], -4, 4)], x => x[0].Silu()),
    ];
}
