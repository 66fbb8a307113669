using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class ReductionCases : IOpCases
{
    static readonly double[] someZeros = [1.5, 0, -2, 0.5, 1, 3, 0, 2, 0, -1, 2, 0.25];

    /// <summary>A distance to oneself has a kink, so that differences along it say nothing.</summary>
    static Tensor OffDiagonal(Tensor distances)
    {
        int n = distances.Shape[^1];
        Tensor mask = Tensor.Like(distances);
        mask.WriteDoubles([.. Enumerable.Range(0, n * n).Select(i => i % (n + 1) == 0 ? 0.0 : 1.0)]);
        return distances * mask;
    }

    public static IEnumerable<OpCase> All =>
    [
        new("sum", [new([3, 5])], x => x[0].Sum()),
        new("sum of a scalar", [new([])], x => x[0].Sum()),
        new("sum over the last", [new([3, 5, 7])], x => x[0].Sum([-1])),
        new("sum over the first", [new([3, 5, 7])], x => x[0].Sum([0])),
        new("sum over the middle", [new([3, 5, 7])], x => x[0].Sum([1], keepDim: true)),
        new("sum over both ends", [new([3, 5, 2, 7])], x => x[0].Sum([0, 3])),
        new("sum over every other", [new([2, 3, 2, 3, 2, 3])], x => x[0].Sum([0, 2, 4])),
        new("sum over the others", [new([2, 3, 2, 3, 2, 3])], x => x[0].Sum([1, 3, 5])),
        new("sum over size one", [new([3, 1, 5])], x => x[0].Sum([1])),
        new("sum over nothing", [new([3, 0, 5])], x => x[0].Sum([1])),
        new("sum of nothing", [new([0, 5])], x => x[0].Sum([1])),
        new("sum of many", [new([50021], 0, 1)], x => x[0].Sum()) { Epsilon = 1e-2 },
        new("sum of many rows", [new([4099, 33], 0, 1)], x => x[0].Sum([0])) { Epsilon = 1e-2 },
        new("sum of many short rows", [new([4099, 3], 0, 1)], x => x[0].Sum([1])) { Epsilon = 1e-2 },
        new("sum over pixels of four", [new([61, 67, 4], 0, 1)], x => x[0].Sum([0, 1])) { Epsilon = 1e-2 },
        new("sum over pixels of three", [new([2, 311, 3], 0, 1)], x => x[0].Sum([1])) { Epsilon = 1e-2 },
        new("sum of the last four", [new([1001, 4], 0, 1)], x => x[0].Sum([-1])) { Epsilon = 1e-2 },
        new("sum of many rows of any width", [new([1003, 77], 0, 1)], x => x[0].Sum([0])) { Epsilon = 1e-2 },
        new("sum of a few long rows", [new([3, 33333], 0, 1)], x => x[0].Sum([1])) { Epsilon = 1e-2 },
        new("sum over long and many", [new([3, 700, 2, 33], 0, 1)], x => x[0].Sum([1, 3])) { Epsilon = 1e-2 },
        new("sum of wide rows", [new([3, 5001])], x => x[0].Sum([0])),
        new("mean", [new([3, 5])], x => x[0].Mean()),
        new("mean over space", [new([2, 7, 5, 33], -1, 3)], x => x[0].Mean([1, 2])),
        new("mean over large space", [new([2, 48, 48, 9], -1, 3)], x => x[0].Mean([1, 2])) { Epsilon = 1e-2 },
        new("var", [new([3, 5])], x => x[0].Var()),
        new("var over two", [new([3, 4, 5, 2], 3, 4)], x => x[0].Var([0, 3], unbiased: false, keepDim: true)),
        new("prod", [new([3, 5], 0.5, 2)], x => x[0].Prod([1])),
        new("prod with zeros by rows", [new([3, 4]) { Values = someZeros }], x => x[0].Prod([1])) { Epsilon = 1e-4, GradientTolerance = 1e-6 },
        new("prod with zeros by columns", [new([3, 4]) { Values = someZeros }], x => x[0].Prod([0])) { Epsilon = 1e-4, GradientTolerance = 1e-6 },
        new("prod of a longer row", [new([2, 50], 0.9, 1.1)], x => x[0].Prod([1], keepDim: true)),
        new("norm2", [new([3, 5], 0.1, 2)], x => x[0].Norm2([1])),
        new("norm2 of all", [new([3, 37])], x => x[0].Norm2()),
        new("amax", [new([3, 5, 7], -10, 10)], x => x[0].Amax([1])) { GradientTolerance = 1e-5 },
        new("amax of all", [new([5, 7], -10, 10)], x => x[0].Amax()),
        new("amax over pixels of three", [new([7, 5, 3], -10, 10)], x => x[0].Amax([0, 1])) { GradientTolerance = 1e-5 },
        new("amax of the last three", [new([35, 3], -10, 10)], x => x[0].Amax([-1])) { GradientTolerance = 1e-5 },
        new("max of the last", [new([3, 11], -10, 10)], x => x[0].Max(-1)),
        new("max of the first", [new([3, 11], -10, 10)], x => x[0].Max(0, keepDim: true)),
        new("max of a longer row", [new([5, 70], -10, 10)], x => x[0].Max(-1)) { GradientTolerance = 1e-5 },
        new("cdist", [new([2, 5, 2]), new([2, 7, 2])], x => x[0].Cdist(x[1])) { GradientTolerance = 1e-6 },
        new("cdist of many coordinates", [new([3, 37]), new([4, 37])], x => x[0].Cdist(x[1])),
        new("cdist with itself", [new([4, 3])], x => OffDiagonal(x[0].Cdist(x[0]))),
    ];
}

public sealed class SoftmaxCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("softmax", [new([3, 37], -5, 5)], x => x[0].Softmax()),
        new("softmax of the first", [new([3, 37], -5, 5)], x => x[0].Softmax(0)),
        new("softmax of the middle", [new([2, 7, 5], -5, 5)], x => x[0].Softmax(1)),
        new("softmax of one", [new([3, 1])], x => x[0].Softmax()),
        new("softmax of many rows", [new([1001, 19], -5, 5)], x => x[0].Softmax()),
        new("log softmax", [new([3, 37], -50, 50)], x => x[0].LogSoftmax()),
        new("log softmax of the first", [new([5, 67], -5, 5)], x => x[0].LogSoftmax(0)),
        new("log softmax of the middle", [new([2, 7, 5], -5, 5)], x => x[0].LogSoftmax(1)),
        new("softmax of columns of any width", [new([2, 9, 77], -5, 5)], x => x[0].Softmax(1)),
        new("softmax far from zero", [new([3, 131], 9990, 10010)], x => x[0].Softmax()) { Tolerance32 = 1e-3, GradientTolerance = 1e-6 },
        new("log softmax of one", [new([3, 1])], x => x[0].LogSoftmax()),
        new("log softmax of odd rows", [new([1003, 21], -5, 5)], x => x[0].LogSoftmax()),
        new("log softmax of long rows", [new([2, 40001], -5, 5)], x => x[0].LogSoftmax()) { GradientTolerance = 1e-6 },
        new("softmax of nothing", [new([0, 3])], x => x[0].Softmax()),
    ];
}

public sealed class LossCases : IOpCases
{
    static CaseInput Classes(Shape shape, int classes) => new(shape, 0, classes) { Index = true };
    static CaseInput Target(Shape shape) => new(shape, 0, 1) { Differentiable = false };

    public static IEnumerable<OpCase> All =>
    [
        new("cross-entropy", [new([6, 10], -5, 5), Classes([6], 10)], x => x[0].CrossEntropy(x[1])),
        new("cross-entropy smoothed", [new([6, 37], -5, 5), Classes([6], 37)], x => x[0].CrossEntropy(x[1], 0.1)),
        new("cross-entropy summed", [new([2, 3, 5], -5, 5), Classes([2, 3], 5)], x => x[0].CrossEntropy(x[1], reduction: Reduction.Sum)),
        new("cross-entropy of rows", [new([2, 3, 5], -5, 5), Classes([2, 3], 5)], x => x[0].CrossEntropy(x[1], 0.3, Reduction.None)),
        new("cross-entropy of one row", [new([19], -5, 5), Classes([], 19)], x => x[0].CrossEntropy(x[1])),
        new("cross-entropy soft", [new([6, 17], -5, 5), Target([6, 17])], x => x[0].CrossEntropy(x[1], 0.1)),
        new("cross-entropy soft rows", [new([5, 3], -5, 5), Target([5, 3])], x => x[0].CrossEntropy(x[1], reduction: Reduction.None)),
        new("cross-entropy soft of long rows", [new([2, 3001], -5, 5), Target([2, 3001])], x => x[0].CrossEntropy(x[1], 0.1)) { GradientTolerance = 1e-6 },
        new("cross-entropy of many rows", [new([2003, 10], -5, 5), Classes([2003], 10)], x => x[0].CrossEntropy(x[1], 0.1)),
        new("cross-entropy of one class", [new([5, 1], -5, 5), Classes([5], 1)], x => x[0].CrossEntropy(x[1])),
        new("cross-entropy of long rows", [new([3, 20011], -5, 5), Classes([3], 20011)], x => x[0].CrossEntropy(x[1], 0.1)),
        new("bce", [new([3, 7], -5, 5), Target([3, 7])], x => x[0].BceWithLogits(x[1])),
        new("bce summed", [new([3, 7], -5, 5), Target([3, 7]), Target([7])], x => x[0].BceWithLogits(x[1], x[2], Reduction.Sum)),
        new("bce of elements", [new([3, 37], -30, 30), Target([3, 37])], x => x[0].BceWithLogits(x[1], reduction: Reduction.None)),
    ];
}
