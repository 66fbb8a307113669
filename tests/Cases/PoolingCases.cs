using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class PoolingCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("max pool", [new([2, 8, 9, 3])], x => x[0].MaxPool([2])),
        new("max pool overlapping", [new([2, 7, 8, 19])], x => x[0].MaxPool([3], [2], [1])),
        new("max pool 1-d dilated", [new([2, 17, 5])], x => x[0].MaxPool([3], [1], [1], [2])),
        new("max pool 3-d", [new([2, 5, 4, 6, 3])], x => x[0].MaxPool([2, 1, 3], [1, 2, 2])),
        new("max pool no images", [new([0, 4, 4, 3])], x => x[0].MaxPool([2])),
        new("average pool", [new([2, 8, 9, 3])], x => x[0].AvgPool([2])),
        new("average pool with padding", [new([2, 7, 8, 18])], x => x[0].AvgPool([3], [2], [1])),
        new("average pool without padding", [new([2, 7, 8, 18])], x => x[0].AvgPool([3], [1], [1], countPadding: false)),
        new("average pool 1-d", [new([2, 11, 5])], x => x[0].AvgPool([4], [3], [2])),
        new("average pool 3-d", [new([1, 4, 5, 6, 2])], x => x[0].AvgPool([2, 3, 2], [2, 1, 2])),
        new("adaptive average pool", [new([2, 7, 5, 17])], x => x[0].AdaptiveAvgPool([3, 2])),
        new("adaptive average pool, larger", [new([2, 3, 4, 5])], x => x[0].AdaptiveAvgPool([7, 4])),
        new("adaptive average pool to one", [new([3, 5, 7, 33])], x => x[0].AdaptiveAvgPool([1])),
        new("resize bilinear up", [new([2, 4, 5, 3])], x => x[0].ResizeBilinear(7, 11)),
        new("resize bilinear up, corners", [new([2, 4, 5, 19])], x => x[0].ResizeBilinear(7, 11, alignCorners: true)),
        new("resize bilinear down", [new([1, 9, 8, 3])], x => x[0].ResizeBilinear(4, 5)),
        new("resize bilinear to one, corners", [new([1, 9, 8, 3])], x => x[0].ResizeBilinear(1, 3, alignCorners: true)),
    ];
}
