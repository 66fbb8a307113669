using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class LinearCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("linear", [new([2, 3, 5]), new([5, 4]), new([4])], x => x[0].Linear(x[1], x[2])),
        new("linear large", [new([37, 29, 33]), new([33, 41]), new([41])], x => x[0].Linear(x[1], x[2])),
        new("linear one row, no bias", [new([9]), new([9, 35])], x => x[0].Linear(x[1])),
        new("linear one output", [new([2, 7, 11]), new([11, 1]), new([1])], x => x[0].Linear(x[1], x[2])),
        new("linear no rows", [new([0, 5]), new([5, 4]), new([4])], x => x[0].Linear(x[1], x[2])),
        new("linear gelu", [new([2, 3, 5]), new([5, 4]), new([4])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu large", [new([37, 29, 33]), new([33, 41], -0.5, 0.5), new([41])], x => x[0].LinearGelu(x[1], x[2])) { GradientTolerance = 1e-6 },
        new("linear gelu of many columns", [new([41, 6]), new([6, 2051]), new([2051])], x => x[0].LinearGelu(x[1], x[2])) { GradientTolerance = 1e-6 },
        new("linear gelu one row", [new([9]), new([9, 35]), new([35])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu one output", [new([2, 7, 11]), new([11, 1]), new([1])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu few outputs", [new([7, 130], -0.3, 0.3), new([130, 3]), new([3])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu many inputs", [new([19, 2500], -0.1, 0.1), new([2500, 35]), new([35])], x => x[0].LinearGelu(x[1], x[2])) { GradientTolerance = 1e-6 },
        new("linear gelu no inputs", [new([3, 0]), new([0, 4]), new([4])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu no rows", [new([0, 5]), new([5, 4]), new([4])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu no bias", [new([6, 5]), new([5, 19])], x => x[0].LinearGelu(x[1])),
        new("linear gelu of a constant", [new([6, 5]) { Differentiable = false }, new([5, 19]), new([19])], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu by a constant", [new([6, 5]), new([5, 19]) { Differentiable = false }, new([19]) { Differentiable = false }], x => x[0].LinearGelu(x[1], x[2])),
        new("linear gelu tanh", [new([2, 5, 7]), new([7, 24]), new([24])], x => x[0].LinearActivation<GeluTanh>(x[1], x[2])),
        new("linear gelu tanh of odd columns", [new([9, 7]), new([7, 13]), new([13])], x => x[0].LinearActivation<GeluTanh>(x[1], x[2])),
        new("linear gelu tanh no bias", [new([6, 5]), new([5, 16])], x => x[0].LinearActivation<GeluTanh>(x[1])),
        new("linear relu", [new([9, 7], 0.1, 1), new([7, 33], -0.5, 0.5), new([33], 1, 2)], x => x[0].LinearActivation<Relu>(x[1], x[2])),
        new("linear bias alone", [new([6, 5]) { Differentiable = false }, new([5, 19]) { Differentiable = false }, new([19])], x => x[0].Linear(x[1], x[2])),
        new("linear sigmoid", [new([60, 7]), new([7, 33]), new([33])], x => x[0].LinearActivation<Sigmoid>(x[1], x[2])),
        new("linear sigmoid used twice", [new([6, 5]), new([5, 4]), new([4])], x => { Tensor y = x[0].LinearActivation<Sigmoid>(x[1], x[2]); return y * y; }),
        new("matmul", [new([13, 7]), new([7, 18])], x => x[0].MatMul(x[1])),
        new("matmul batch by one", [new([3, 2, 5, 4]), new([4, 6])], x => x[0].MatMul(x[1])),
        new("matmul one by batch", [new([5, 4]), new([3, 2, 4, 6])], x => x[0].MatMul(x[1])),
        new("matmul both broadcast", [new([2, 1, 3, 4]), new([5, 4, 6])], x => x[0].MatMul(x[1])),
        new("matmul crossed", [new([2, 1, 3, 1, 4, 5]), new([1, 2, 3, 2, 5, 3])], x => x[0].MatMul(x[1])),
        new("matmul by vector", [new([3, 4, 5]), new([5])], x => x[0].MatMul(x[1])),
        new("matmul vector by", [new([4]), new([2, 4, 3])], x => x[0].MatMul(x[1])),
        new("matmul vectors", [new([19]), new([19])], x => x[0].MatMul(x[1])),
        new("matmul nothing between", [new([3, 0]), new([0, 2])], x => x[0].MatMul(x[1])),
        new("matmul empty batch", [new([0, 3, 2]), new([2, 4])], x => x[0].MatMul(x[1])),
        new("attention", [new([2, 3, 5, 4]), new([2, 3, 5, 4]), new([2, 3, 5, 4])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2])),
        new("attention masked", [new([2, 2, 4, 8]), new([2, 2, 19, 8]), new([2, 2, 19, 3]), new([4, 19])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2], x[3])),
        new("attention mask per image", [new([2, 2, 4, 8]), new([2, 2, 7, 8]), new([2, 2, 7, 8]), new([2, 1, 1, 7])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2], x[3], scale: 0.7)),
        new("attention mask per row", [new([1, 2, 4, 3]), new([1, 2, 7, 3]), new([1, 2, 7, 3]), new([2, 4, 1])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2], x[3])),
        new("attention mask per head", [new([2, 2, 4, 3]), new([2, 2, 7, 3]), new([2, 2, 7, 3]), new([2, 1, 7])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2], x[3])),
        new("attention to many", [new([1, 1, 3, 4]), new([1, 1, 2100, 4]), new([1, 1, 2100, 2])], x => ScaledDotProductAttention.Of(x[0], x[1], x[2])),
    ];
}
