using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class ShapeCases : IOpCases
{
    static CaseInput Index(int below, params int[] dims) => new(Shape.Create(dims), 0, below) { Index = true };

    public static IEnumerable<OpCase> All =>
    [
        new("reshape", [new([3, 4, 5])], x => x[0].Reshape(5, -1).Silu()),
        new("permute 0213", [new([3, 4, 5, 7])], x => x[0].Permute(0, 2, 1, 3)),
        new("permute reversed", [new([3, 4, 5])], x => x[0].Permute(2, 1, 0)),
        new("permute of large squares", [new([2, 37, 70])], x => x[0].Permute(0, 2, 1)),
        new("permute between others", [new([3, 9, 2, 34])], x => x[0].Permute(3, 0, 2, 1)),
        new("transpose of one", [new([1, 1, 1])], x => x[0].Transpose(0, -1)),
        new("slice of the first dimension", [new([7, 3, 2])], x => x[0].Slice(0, 2, 4)),
        new("slice of the middle", [new([3, 7, 2])], x => x[0].Slice(1, -3, 2)),
        new("slice of the last", [new([3, 2, 7])], x => x[0].Slice(2, 1, 5)),
        new("one input sliced twice", [new([5, 3])], x => Concatenate.Of(0, x[0].Slice(0, 1, 3), x[0].Slice(0, 0, 4))),
        new("concatenate", [new([3, 2, 2]), new([3, 1, 2]), new([3, 4, 2])], x => Concatenate.Of(1, x)),
        new("index select", [new([3, 6, 4]), Index(6, 8)], x => x[0].IndexSelect(1, x[1])),
        new("index select of many", [new([5, 3, 35]), Index(5, 70)], x => x[0].IndexSelect(0, x[1])),
        new("embedding", [new([7, 130]), Index(7, 3, 5)], x => x[1].Embed(x[0])),
        new("gather", [new([3, 4, 6]), Index(6, 3, 2, 9)], x => x[0].Gather(2, x[1])),
        new("gather of the first", [new([5, 4]), Index(5, 7, 3)], x => x[0].Gather(0, x[1])),
        new("pad zeros", [new([2, 5, 6, 3])], x => x[0].Pad(PaddingMode.Zeros, (0, 0), (2, 1), (0, 3), (0, 0))),
        new("pad and crop", [new([5, 6])], x => x[0].Pad(PaddingMode.Zeros, (-1, 2), (3, -2))),
        new("pad reflect", [new([2, 5, 6, 3])], x => x[0].PadSpatial(PaddingMode.Reflect, 2, 3)),
        new("pad replicate", [new([2, 5, 6, 3])], x => x[0].PadSpatial(PaddingMode.Replicate, 7, 3)),
        new("pad circular", [new([2, 5, 6, 3])], x => x[0].PadSpatial(PaddingMode.Circular, 5, 1)),
    ];
}
