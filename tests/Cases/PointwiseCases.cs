using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class PointwiseCases : IOpCases
{
    /// <summary>Close to the kinks at −3, −1, 0, 1 and 3, but further away than a finite difference steps.</summary>
    static readonly double[] nearKinks = [-3.01, -2.99, -1.01, -0.99, -0.01, 0.01, 0.99, 1.01, 2.99, 3.01, 7];

    public static IEnumerable<OpCase> All =>
    [
        new("neg", [new([1])], x => -x[0]),
        new("abs", [new([11]) { Values = nearKinks }], x => x[0].Abs()),
        new("exp", [new([3, 37], -4, 4)], x => x[0].Exp()),
        new("exp at the ends of float32", [new([4], -80, 80)], x => x[0].Exp()) { GradientTolerance = 1e-6 },
        new("log", [new([5, 7], 0.1, 9)], x => x[0].Log()),
        new("sqrt", [new([13], 0.1, 9)], x => x[0].Sqrt()),
        new("pow 2", [new([3, 5], -3, 3)], x => x[0].Pow(2)),
        new("pow 5", [new([3, 5], -2, 2)], x => x[0].Pow(5)),
        new("pow 1", [new([2, 3])], x => x[0].Pow(1)),
        new("pow 0", [new([2, 3])], x => x[0].Pow(0)),
        new("pow −3", [new([17], -2, -0.5)], x => x[0].Pow(-3)),
        new("pow 2.5", [new([17], 0.1, 4)], x => x[0].Pow(2.5)),
        new("pow −0.5", [new([17], 0.2, 4)], x => x[0].Pow(-0.5)),
        new("clamp", [new([11]) { Values = nearKinks }], x => x[0].Clamp(-1, 1)),
        new("clamp from below", [new([11]) { Values = nearKinks }], x => x[0].Clamp(low: -1)),
        new("relu", [new([11]) { Values = nearKinks }], x => x[0].Relu()),
        new("squared relu", [new([3, 37])], x => x[0].SquaredRelu()) { GradientTolerance = 1e-5 },
        new("sigmoid", [new([3, 37], -9, 9)], x => x[0].Sigmoid()),
        new("hard sigmoid", [new([11]) { Values = nearKinks }], x => x[0].HardSigmoid()),
        new("softplus", [new([3, 37], -30, 30)], x => x[0].Softplus()),
        new("tanh", [new([3, 37], -6, 6)], x => x[0].Tanh()),
        new("gelu", [new([3, 37], -6, 6)], x => x[0].Gelu()),
        new("gelu tanh", [new([3, 37], -6, 6)], x => x[0].GeluTanh()),
        new("gelu over several blocks", [new([2, 17011], -6, 6)], x => x[0].Gelu()) { GradientTolerance = 1e-6 },
        new("star relu", [new([3, 37], -3, 3), new([1]), new([1])], x => x[0].StarRelu(x[1], x[2])) { GradientTolerance = 1e-5 },
        new("star relu over several blocks", [new([3, 10007], -3, 3), new([1], 0.5, 1), new([])], x => x[0].StarRelu(x[1], x[2])) { GradientTolerance = 1e-5 },
        new("constants", [new([3, 5])], x => 2 - (3 * x[0] + 1) / 4 * 2 - 5 + x[0] * 2 + (1 + x[0])),
        new("reciprocal", [new([3, 5], 0.5, 2)], x => 3 / x[0]),
        new("one element", [new([1, 1], 0.5, 2)], x => x[0].Log().Tanh().Sigmoid()),
        new("empty", [new([0, 3])], x => x[0].Gelu() + x[0] * x[0]),
    ];
}

public sealed class BinaryCases : IOpCases
{
    static OpCase Case(string name, Shape a, Shape b) => new($"broadcast {name}", [new(a, 0.5, 2), new(b, 0.5, 2)], x => x[0] * x[1] - x[0] / x[1])
    {
        GradientTolerance = a.Count > 10000 ? 1e-6 : 1e-7,
    };

    public static IEnumerable<OpCase> All =>
    [
        new("add", [new([3, 5]), new([3, 5])], x => x[0] + x[1]),
        new("add a row", [new([3, 5]), new([5])], x => x[0] + x[1]),
        new("subtract", [new([7]), new([3, 1])], x => x[0] - x[1]),
        new("multiply", [new([3, 37]), new([3, 37])], x => x[0] * x[1]),
        new("divide", [new([3, 5]), new([3, 5], 0.5, 2)], x => x[0] / x[1]),
        new("square as a product", [new([13])], x => x[0] * x[0]),
        new("maximum", [new([4]) { Values = [1, 2, 3, -4] }, new([4]) { Values = [1.01, 1.9, -3, -4.5] }], x => x[0].Maximum(x[1])),
        Case("of equal shapes", [3, 37], [3, 37]),
        Case("scalar", [5, 7], []),
        Case("one element", [5, 7], [1, 1]),
        Case("trailing", [4, 3, 11], [11]),
        Case("leading", [13, 5], [13, 1]),
        Case("middle", [3, 1, 5], [3, 4, 5]),
        Case("channel scale", [2, 3, 5, 7], [2, 1, 1, 7]),
        Case("outer product", [5, 1], [7]),
        Case("both ways", [2, 1, 3, 1], [4, 1, 5]),
        Case("many axes", [2, 1, 2, 1, 2, 1, 2], [1, 3, 1, 2, 1, 2, 1]),
        Case("of single elements", [1, 1], [1]),
        Case("with nothing", [0, 3], [3]),
        Case("large equal", [3, 17011], [3, 17011]),
        Case("large trailing", [1200, 33], [33]),
        Case("large leading", [1200, 33], [1200, 1]),
        Case("long row", [2, 40001], [2, 1]),
        Case("long rows of one", [40001], [2, 1]),
    ];
}
