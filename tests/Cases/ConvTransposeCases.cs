using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class ConvTransposeCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("conv transpose 1-d", [new([2, 9, 4]), new([3, 6, 4]), new([6])], x => x[0].ConvTranspose(x[1], x[2])),
        new("conv transpose 1-d strided", [new([3, 7, 3]), new([4, 5, 3])], x => x[0].ConvTranspose(x[1], null, [2], [1])),
        new("conv transpose 1-d stride 3, one more", [new([2, 6, 3]), new([2, 5, 3]), new([5])], x => x[0].ConvTranspose(x[1], x[2], [3], [0], [2])),
        new("conv transpose 1-d grouped, dilated", [new([2, 8, 6]), new([4, 2, 6]), new([6])], x => x[0].ConvTranspose(x[1], x[2], [2], [3], [1], [3], 3)),
        new("conv transpose 1x1 beyond the last window", [new([2, 5, 4]), new([1, 3, 4]), new([3])], x => x[0].ConvTranspose(x[1], x[2], outputPadding: [2], dilation: [3])),
        new("conv transpose 2-d", [new([2, 6, 7, 3]), new([3, 3, 5, 3]), new([5])], x => x[0].ConvTranspose(x[1], x[2], padding: [1])),
        new("conv transpose 2-d doubling", [new([2, 5, 4, 6]), new([3, 3, 4, 6]), new([4])], x => x[0].ConvTranspose(x[1], x[2], [2], [1], [1])),
        new("conv transpose 2-d wide", [new([2, 8, 7, 37]), new([4, 4, 35, 37])], x => x[0].ConvTranspose(x[1], null, [2], [1])) { Epsilon = 1e-3 },
        new("conv transpose 2-d asymmetric", [new([2, 5, 6, 4]), new([3, 5, 3, 4]), new([6])],
            x => x[0].ConvTranspose(x[1], x[2], [2, 3], [1, 2], [0, 2], [2, 1], 2)),
        new("conv transpose 2-d one pixel", [new([1, 1, 1, 5]), new([4, 3, 7, 5]), new([7])], x => x[0].ConvTranspose(x[1], x[2])),
        new("conv transpose 2-d padded beyond the kernel", [new([2, 9, 8, 3]), new([3, 3, 4, 3]), new([4])], x => x[0].ConvTranspose(x[1], x[2], padding: [4, 3])),
        new("conv transpose 1x1", [new([2, 5, 4, 7]), new([1, 1, 9, 7]), new([9])], x => x[0].ConvTranspose(x[1], x[2])),
        new("conv transpose 1x1 strided", [new([2, 5, 4, 7]), new([1, 1, 9, 7]), new([9])], x => x[0].ConvTranspose(x[1], x[2], [2], outputPadding: [1])),
        new("conv transpose patches", [new([3, 4, 5, 8]), new([4, 4, 3, 8]), new([3])], x => x[0].ConvTranspose(x[1], x[2], [4])),
        new("conv transpose 2-d many rows", [new([1, 21, 4, 3]), new([4, 3, 2, 3]), new([2])], x => x[0].ConvTranspose(x[1], x[2], [2], [1])),
        new("conv transpose 3-d", [new([1, 3, 4, 5, 4]), new([3, 3, 3, 2, 4]), new([2])], x => x[0].ConvTranspose(x[1], x[2], padding: [1])),
        new("conv transpose 3-d asymmetric", [new([2, 3, 4, 3, 4]), new([2, 3, 4, 2, 4]), new([4])],
            x => x[0].ConvTranspose(x[1], x[2], [1, 2, 3], [1, 0, 2], [1, 1, 0], [2, 1, 1], 2)),
        new("conv transpose no images", [new([0, 6, 6, 3]), new([3, 3, 4, 3]), new([4])], x => x[0].ConvTranspose(x[1], x[2])),
        new("conv transpose several outputs of one input", [new([2, 5, 6, 3]), new([3, 3, 4, 3]), new([12])], x => x[0].ConvTranspose(x[1], x[2], [2], [1], groups: 3)),
        new("conv transpose depthwise 1-d", [new([3, 12, 5]), new([7, 1, 5])], x => x[0].ConvTranspose(x[1], null, padding: [3], groups: 5)),
        new("conv transpose depthwise 7", [new([2, 10, 9, 19]), new([7, 7, 1, 19]), new([19])], x => x[0].ConvTranspose(x[1], x[2], padding: [3], groups: 19)),
        new("conv transpose depthwise unpadded", [new([2, 3, 4, 18]), new([5, 6, 1, 18]), new([18])], x => x[0].ConvTranspose(x[1], x[2], groups: 18)),
        new("conv transpose depthwise padded beyond the kernel", [new([2, 9, 8, 3]), new([3, 3, 1, 3]), new([3])],
            x => x[0].ConvTranspose(x[1], x[2], padding: [3], groups: 3)),
        new("conv transpose depthwise doubling", [new([2, 5, 6, 20]), new([3, 3, 1, 20]), new([20])],
            x => x[0].ConvTranspose(x[1], x[2], [2, 3], [1], [1, 2], groups: 20)),
        new("conv transpose depthwise 3-d", [new([2, 4, 3, 5, 18]), new([3, 3, 3, 1, 18]), new([18])],
            x => x[0].ConvTranspose(x[1], x[2], [1, 2, 1], [1], [1, 0, 0], [2, 1, 1], 18)),
        new("conv transpose several inputs of one output", [new([2, 5, 4, 8]), new([3, 3, 1, 8]), new([4])], x => x[0].ConvTranspose(x[1], x[2], [2], [1], groups: 4)),
        new("conv transpose depthwise no images", [new([0, 7, 7, 8]), new([3, 3, 1, 8]), new([8])], x => x[0].ConvTranspose(x[1], x[2], padding: [1], groups: 8)),
    ];
}
