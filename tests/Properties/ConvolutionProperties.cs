using CsCheck;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Properties;

/// <summary>Convolutions on random shapes: against the definition and against their own adjoint.</summary>
public sealed class ConvolutionProperties
{
    sealed record Case(int N, int H, int W, int GroupInputs, int GroupOutputs, int Groups, int Kh, int Kw, int Stride, int Padding, int Dilation);

    static readonly Gen<Case> genCase =
        from sizes in Gen.Select(Gen.Int[1, 3], Gen.Int[1, 9], Gen.Int[1, 9])
        from channels in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5], Gen.Int[1, 4])
        from kernel in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5])
        from rest in Gen.Select(Gen.Int[1, 3], Gen.Int[0, 4], Gen.Int[1, 2])
        let c = new Case(sizes.Item1, sizes.Item2, sizes.Item3, channels.Item1, channels.Item2, channels.Item3, kernel.Item1, kernel.Item2, rest.Item1, rest.Item2, rest.Item3)
        where c.H + 2 * c.Padding >= c.Dilation * (c.Kh - 1) + 1 && c.W + 2 * c.Padding >= c.Dilation * (c.Kw - 1) + 1
        select c;

    static Tensor Random(uint stream, bool trainable, params int[] shape)
    {
        RandomStream random = new(5, stream);
        Tensor x = Tensor.Lasting(Shape.Create(shape), DType.Float64, trainable: trainable);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
        return x;
    }

    static double Dot(double[] a, double[] b) => a.Zip(b, static (u, v) => u * v).Sum();

    [Fact]
    public void A_convolution_is_what_its_definition_says() => genCase.Sample(static c =>
    {
        using Step step = Step.Begin();
        int inputs = c.GroupInputs * c.Groups, outputs = c.GroupOutputs * c.Groups;
        Tensor x = Random(1, false, c.N, c.H, c.W, inputs), w = Random(2, false, c.Kh, c.Kw, c.GroupInputs, outputs);
        Tensor y = x.Conv(w, null, [c.Stride], [c.Padding], [c.Dilation], c.Groups);
        double[] xs = x.ToDoubles(), ws = w.ToDoubles(), ys = y.ToDoubles();
        int oh = y.Shape[1], ow = y.Shape[2];
        for (int at = 0; at < ys.Length; at++)
        {
            int o = at % outputs, v = at / outputs % ow, u = at / outputs / ow % oh, n = at / outputs / ow / oh, group = o / c.GroupOutputs;
            double sum = 0;
            for (int i = 0; i < c.Kh; i++)
                for (int j = 0; j < c.Kw; j++)
                {
                    int h = u * c.Stride - c.Padding + i * c.Dilation, k = v * c.Stride - c.Padding + j * c.Dilation;
                    if ((uint)h >= (uint)c.H || (uint)k >= (uint)c.W) continue;
                    for (int q = 0; q < c.GroupInputs; q++)
                        sum += xs[((n * c.H + h) * c.W + k) * inputs + group * c.GroupInputs + q] * ws[((i * c.Kw + j) * c.GroupInputs + q) * outputs + o];
                }
            if (Math.Abs(sum - ys[at]) > 1e-10 * (1 + Math.Abs(sum))) return false;
        }
        return true;
    }, iter: 150);

    /// <summary>⟨conv(x, w), g⟩ = ⟨x, ∂x⟩ = ⟨w, ∂w⟩, since a convolution is linear in each.</summary>
    [Fact]
    public void Gradients_are_the_adjoints_of_the_convolution() => genCase.Sample(static c =>
    {
        Tensor x = Random(1, true, c.N, c.H, c.W, c.GroupInputs * c.Groups), w = Random(2, true, c.Kh, c.Kw, c.GroupInputs, c.GroupOutputs * c.Groups);
        using Step step = Step.Begin();
        Tensor y = x.Conv(w, null, [c.Stride], [c.Padding], [c.Dilation], c.Groups), g = Random(3, false, y.Shape.Dims.ToArray());
        double expected = Dot(y.ToDoubles(), g.ToDoubles());
        y.Backward(g);
        double scale = 1e-10 * (1 + Math.Abs(expected) + y.Count);
        return Math.Abs(Dot(x.ToDoubles(), x.Gradient!.ToDoubles()) - expected) < scale && Math.Abs(Dot(w.ToDoubles(), w.Gradient!.ToDoubles()) - expected) < scale;
    }, iter: 150);
}
