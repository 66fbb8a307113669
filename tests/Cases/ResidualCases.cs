using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class ResidualCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("residual", [new([3, 2, 37]), new([3, 2, 37])], x => x[0].AddBranch(x[1])),
        new("residual scaled", [new([2, 3, 5, 37]), new([2, 3, 5, 37]), new([37])], x => x[0].AddBranch(x[1], x[2])),
        new("residual scaled over many rows", [new([3, 700, 24]), new([3, 700, 24]), new([24])], x => x[0].AddBranch(x[1], x[2])),
        new("residual of one input twice", [new([3, 19]), new([19])], x => x[0].AddBranch(x[0], x[1])),
        new("residual of a constant branch", [new([3, 19]), new([3, 19]) { Differentiable = false }, new([19])], x => x[0].AddBranch(x[1], x[2])),
        new("residual of a constant scale", [new([3, 19]), new([3, 19]), new([19]) { Differentiable = false }], x => x[0].AddBranch(x[1], x[2])),
        new("residual of nothing", [new([0, 5, 3]), new([0, 5, 3]), new([3])], x => x[0].AddBranch(x[1], x[2])),
    ];
}
