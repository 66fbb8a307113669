using CsCheck;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Properties;

public sealed class PointwiseProperties
{
    static readonly int[] sizes = [0, 1, 1, 2, 3, 5, 7, 17];
    static readonly Gen<int[]> genShape = Gen.Int[0, sizes.Length - 1].Select(static i => sizes[i]).Array[0, 4];

    /// <summary>A shape and two operands that broadcast to it: sizes of 1 and missing leading dimensions, drawn at random.</summary>
    static readonly Gen<(int[] Y, int[] A, int[] B)> genBroadcast =
        from y in genShape
        from a in Operand(y)
        from b in Operand(y)
        select (y, a, b);

    static Gen<int[]> Operand(int[] y) =>
        from keep in Gen.Bool.Array[y.Length]
        from missing in Gen.Int[0, y.Length]
        select y.Select((size, d) => keep[d] ? size : 1).Skip(missing).ToArray();

    static Tensor Random(int[] shape, uint stream)
    {
        RandomStream random = new(7, stream);
        Tensor x = Tensor.Empty(Shape.Create(shape), DType.Float64);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
        return x;
    }

    /// <summary>Position in an operand of an element of the result, dimension by dimension.</summary>
    static int At(int element, int[] y, int[] operand)
    {
        int at = 0, stride = 1;
        for (int back = 1; back <= y.Length; back++)
        {
            int index = element % y[^back];
            element /= y[^back];
            if (back > operand.Length) continue;
            if (operand[^back] != 1) at += index * stride;
            stride *= operand[^back];
        }
        return at;
    }

    [Fact]
    public void Broadcasting_is_what_its_definition_says() => genBroadcast.Sample(static (_, shapeA, shapeB) =>
    {
        using Step step = Step.Begin();
        Tensor a = Random(shapeA, 1), b = Random(shapeB, 2), y = a - b;
        int[] shape = y.Shape.Dims.ToArray();
        double[] va = a.ToDoubles(), vb = b.ToDoubles();
        Assert.Equal(Math.Max(shapeA.Length, shapeB.Length), shape.Length);
        Assert.Equal(Enumerable.Range(0, y.Count).Select(i => va[At(i, shape, shapeA)] - vb[At(i, shape, shapeB)]), y.ToDoubles());
    }, iter: 300, threads: 1);

    [Fact]
    public void Gradients_of_broadcasting_add_up() => genBroadcast.Sample(static (_, shapeA, shapeB) =>
    {
        using Step step = Step.Begin();
        Tensor a = Tensor.Lasting(Shape.Create(shapeA), DType.Float64, trainable: true), b = Random(shapeB, 2);
        Tensor y = a * b, dy = Random(y.Shape.Dims.ToArray(), 3);
        int[] shape = y.Shape.Dims.ToArray();
        double[] expected = new double[a.Count], vb = b.ToDoubles(), g = dy.ToDoubles();
        for (int i = 0; i < y.Count; i++) expected[At(i, shape, shapeA)] += g[i] * vb[At(i, shape, shapeB)];
        y.Backward(dy);
        double[] actual = a.Gradient!.ToDoubles();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-12 * (1 + y.Count));
    }, iter: 300, threads: 1);

    [Fact]
    public void Sums_over_any_dimensions_agree_with_their_definition_and_are_linear() => Gen.Select(genShape, Gen.Int[1, 15]).Sample(static (shape, wanted) =>
    {
        using Step step = Step.Begin();
        int[] dims = [.. Enumerable.Range(0, shape.Length).Where(d => (wanted >> d & 1) != 0)];
        int[] kept = [.. shape.Select((size, d) => dims.Length == 0 || dims.Contains(d) ? 1 : size)];
        Tensor a = Random(shape, 1), b = Random(shape, 2);
        double[] sum = a.Sum(dims, keepDim: true).ToDoubles(), va = a.ToDoubles(), expected = new double[sum.Length];
        for (int i = 0; i < va.Length; i++) expected[At(i, shape, kept)] += va[i];
        double[] left = (2 * a + b).Sum(dims).ToDoubles(), right = (2 * a.Sum(dims) + b.Sum(dims)).ToDoubles();
        for (int i = 0; i < sum.Length; i++)
        {
            Assert.Equal(expected[i], sum[i], 1e-12 * (1 + va.Length));
            Assert.Equal(right[i], left[i], 1e-12 * (1 + va.Length));
        }
    }, iter: 300, threads: 1);

    [Fact]
    public void Softmax_sums_to_one_and_ignores_a_shift() => Gen.Select(Gen.Int[1, 40].Array[1, 3], Gen.Int[0, 2], Gen.Double[-50, 50]).Sample(static (shape, at, shift) =>
    {
        using Step step = Step.Begin();
        int dim = at % shape.Length;
        Tensor x = Random(shape, 1) * 5, y = x.Softmax(dim);
        Assert.All(y.Sum([dim]).ToDoubles(), static v => Assert.Equal(1, v, 1e-12));
        Assert.All((y - (x + shift).Softmax(dim)).ToDoubles(), static v => Assert.Equal(0, v, 1e-12));
        Assert.All((y.Log() - x.LogSoftmax(dim)).ToDoubles(), static v => Assert.Equal(0, v, 1e-11));
    }, iter: 100, threads: 1);
}
