using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class NormCases : IOpCases
{
    static CaseInput Constant(params int[] dims) => new(Shape.Create(dims), 0.5, 2) { Differentiable = false };

    public static IEnumerable<OpCase> All =>
    [
        new("layer norm", [new([3, 5, 37]), new([37], 0.5, 1.5), new([37])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm over many rows", [new([700, 24]), new([24], 0.5, 1.5), new([24])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm without shift", [new([4, 8]), new([8])], x => x[0].LayerNorm(x[1])),
        new("layer norm plain", [new([6, 1, 5])], x => x[0].LayerNorm(epsilon: 1e-3)),
        new("layer norm of 132", [new([9, 132]), new([132], 0.5, 1.5), new([132])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm of 300", [new([3, 300]), new([300], 0.5, 1.5)], x => x[0].LayerNorm(x[1])),
        new("layer norm of 204 over rows", [new([70, 204]), new([204], 0.5, 1.5), new([204])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm of 388 over rows", [new([41, 388]), new([388], 0.5, 1.5), new([388])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm of 768", [new([5, 768]), new([768], 0.5, 1.5), new([768])], x => x[0].LayerNorm(x[1], x[2])),
        new("layer norm of 1100", [new([3, 1100])], x => x[0].LayerNorm()),
        new("batch norm", [new([3, 5, 7, 6]), new([6], 0.5, 1.5), new([6])], x => x[0].BatchNorm(x[1], x[2], null, null, Statistics.Batch)),
        new("batch norm over many rows", [new([1500, 13]), new([13], 0.5, 1.5), new([13])], x => x[0].BatchNorm(x[1], x[2], null, null, Statistics.Batch)),
        new("batch norm frozen", [new([3, 5, 6]), new([6], 0.5, 1.5), new([6]), Constant(6), Constant(6)],
            x => x[0].BatchNorm(x[1], x[2], x[3].To(x[3].DType.Wide()), x[4].To(x[4].DType.Wide()), Statistics.Running)),
        new("batch norm of many channels", [new([300, 45]), new([45], 0.5, 1.5), new([45])], x => x[0].BatchNorm(x[1], x[2], null, null, Statistics.Batch)),
        new("group norm", [new([2, 5, 4, 6]), new([6], 0.5, 1.5), new([6])], x => x[0].GroupNorm(3, x[1], x[2])),
        new("group norm of many channels", [new([2, 9, 11, 42]), new([42], 0.5, 1.5), new([42])], x => x[0].GroupNorm(7, x[1], x[2])),
        new("group norm of one group", [new([3, 9, 4])], x => x[0].GroupNorm(1)),
    ];
}
