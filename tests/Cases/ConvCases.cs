using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class ConvCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("conv 1-d", [new([2, 17, 4]), new([3, 4, 6]), new([6])], x => x[0].Conv(x[1], x[2], padding: [1])),
        new("conv 1-d grouped", [new([2, 21, 4]), new([5, 2, 6]), new([6])], x => x[0].Conv(x[1], x[2], [2], [3], [2], 2)),
        new("conv 2-d", [new([2, 9, 8, 3]), new([3, 3, 3, 4]), new([4])], x => x[0].Conv(x[1], x[2], padding: [1])),
        new("conv 2-d wide", [new([2, 11, 9, 35]), new([3, 3, 35, 37])], x => x[0].Conv(x[1], null, padding: [1])) { Epsilon = 1e-3 },
        new("conv 2-d asymmetric", [new([2, 11, 13, 4]), new([3, 5, 2, 6]), new([6])], x => x[0].Conv(x[1], x[2], [2, 1], [1, 2], [1, 2], 2)),
        new("conv 1x1", [new([2, 5, 4, 7]), new([1, 1, 7, 9]), new([9])], x => x[0].Conv(x[1], x[2])),
        new("conv 2-d to many in groups", [new([2, 9, 9, 6]), new([3, 3, 3, 140]), new([140])], x => x[0].Conv(x[1], x[2], padding: [1], groups: 2)) { Epsilon = 1e-3 },
        new("conv 2-d to 68", [new([1, 12, 13, 8]), new([3, 3, 8, 68]), new([68])], x => x[0].Conv(x[1], x[2])) { Epsilon = 1e-3 },
        new("conv 1x1 strided", [new([2, 5, 4, 7]), new([1, 1, 7, 9]), new([9])], x => x[0].Conv(x[1], x[2], stride: [2])),
        new("conv patches", [new([3, 15, 18, 3]), new([4, 4, 3, 8]), new([8])], x => x[0].Conv(x[1], x[2], stride: [4])),
        new("conv stem", [new([1, 20, 23, 3]), new([7, 7, 3, 6]), new([6])], x => x[0].Conv(x[1], x[2], stride: [4], padding: [2])),
        new("conv 2-d one channel", [new([2, 11, 9, 1]), new([5, 3, 1, 1]), new([1])], x => x[0].Conv(x[1], x[2], padding: [2, 1])),
        new("conv 2-d one channel strided", [new([2, 11, 9, 1]), new([5, 3, 1, 1])], x => x[0].Conv(x[1], null, stride: [2])),
        new("conv 2-d one channel to few", [new([2, 11, 9, 1]), new([5, 3, 1, 3]), new([3])], x => x[0].Conv(x[1], x[2], padding: [2, 1])),
        new("conv 2-d many rows", [new([1, 50, 45, 2]), new([3, 3, 2, 3]), new([3])], x => x[0].Conv(x[1], x[2], padding: [1])) { Epsilon = 1e-3 },
        new("conv 2-d many rows, strided, dilated", [new([1, 38, 5, 4]), new([3, 2, 2, 6])], x => x[0].Conv(x[1], null, [2, 1], [2, 0], [2, 1], 2)),
        new("conv 3-d", [new([1, 5, 6, 7, 2]), new([3, 3, 3, 2, 4]), new([4])], x => x[0].Conv(x[1], x[2], padding: [1])),
        new("conv 3-d asymmetric", [new([2, 6, 7, 8, 4]), new([2, 3, 4, 2, 4]), new([4])], x => x[0].Conv(x[1], x[2], [1, 2, 2], [1, 0, 2], [2, 1, 1], 2)),
        new("conv no images", [new([0, 6, 6, 3]), new([3, 3, 3, 4]), new([4])], x => x[0].Conv(x[1], x[2])),
        new("depthwise 1-d", [new([3, 12, 5]), new([7, 1, 5])], x => x[0].Conv(x[1], null, padding: [3], groups: 5)),
        new("depthwise 7", [new([2, 10, 9, 6]), new([7, 7, 1, 6]), new([6])], x => x[0].Conv(x[1], x[2], padding: [3], groups: 6)),
        new("depthwise 17 on 7", [new([21, 7, 7, 19]), new([17, 17, 1, 19]), new([19])], x => x[0].Conv(x[1], x[2], padding: [8], groups: 19)),
        new("depthwise 5 by 12 unpadded", [new([2, 9, 33, 35]), new([5, 12, 1, 35])], x => DepthwiseConv.Of(x[0], x[1])),
        new("depthwise even", [new([2, 8, 6, 16]), new([4, 6, 1, 16]), new([16])], x => DepthwiseConv.Of(x[0], x[1], x[2], padding: [2, 3])),
        new("depthwise 3-d", [new([2, 4, 6, 5, 18]), new([3, 3, 3, 1, 18]), new([18])], x => DepthwiseConv.Of(x[0], x[1], x[2], padding: [1])),
        new("depthwise kernel beyond input", [new([2, 4, 5, 3]), new([9, 9, 1, 3]), new([3])], x => DepthwiseConv.Of(x[0], x[1], x[2], padding: [4])),
        new("depthwise padded beyond the kernel", [new([2, 4, 5, 3]), new([3, 3, 1, 3]), new([3])], x => DepthwiseConv.Of(x[0], x[1], x[2], padding: [4])),
        new("depthwise multiplier", [new([2, 12, 9, 4]), new([7, 7, 1, 8])], x => x[0].Conv(x[1], null, [2], [3], groups: 4)),
        new("depthwise strided, dilated", [new([2, 13, 11, 20]), new([3, 3, 1, 20]), new([20])], x => DepthwiseConv.Of(x[0], x[1], x[2], [2, 3], [2, 1], [2])),
        new("depthwise no images", [new([0, 7, 7, 8]), new([3, 3, 1, 8]), new([8])], x => DepthwiseConv.Of(x[0], x[1], x[2], padding: [1])),
    ];
}
