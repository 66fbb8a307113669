using CsCheck;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Properties;

/// <summary>Transposed convolutions on random shapes of one to three axes: against the definition, against the convolution they transpose, and refused at the door.</summary>
public sealed class ConvTransposeProperties
{
    const int Cases = 300;

    sealed record Axis(int Size, int Kernel, int Stride, int Padding, int OutputPadding, int Dilation)
    {
        /// <summary>Of axes that a shape does not have.</summary>
        public static Axis None { get; } = new(1, 1, 1, 0, 0, 1);

        public int Whole => (Size - 1) * Stride - 2 * Padding + Dilation * (Kernel - 1) + OutputPadding + 1;

        /// <summary>Where tap k puts pixel i; may lie outside.</summary>
        public int At(int i, int k) => i * Stride - Padding + k * Dilation;
    }

    sealed record Case(int N, int GroupInputs, int GroupOutputs, int Groups, Axis[] Axes)
    {
        public int Inputs => GroupInputs * Groups;
        public int Outputs => GroupOutputs * Groups;
        public int[] X => [N, .. Axes.Select(static a => a.Size), Inputs];
        public int[] Weight => [.. Axes.Select(static a => a.Kernel), GroupOutputs, Inputs];
        public int[] Y => [N, .. Axes.Select(static a => a.Whole), Outputs];

        public Tensor Of(Tensor x, Tensor weight, Tensor? bias) => x.ConvTranspose(weight, bias, Each(static a => a.Stride), Each(static a => a.Padding),
            Each(static a => a.OutputPadding), Each(static a => a.Dilation), Groups);

        /// <summary>The convolution from y to x, without the outputs that its windows find in the output padding (where stride ≤ outputPadding &lt; dilation).</summary>
        public Tensor Conv(Tensor y, Tensor weight)
        {
            Tensor x = y.Conv(weight, null, Each(static a => a.Stride), Each(static a => a.Padding), Each(static a => a.Dilation), Groups);
            for (int i = 0; i < Axes.Length; i++) x = Slice.Of(x, i + 1, 0, Axes[i].Size);
            return x;
        }

        public override string ToString() => $"{N} images, {GroupInputs} inputs and {GroupOutputs} outputs in each of {Groups} groups, {string.Join(", ", Axes.AsEnumerable())}";

        int[] Each(Func<Axis, int> value) => [.. Axes.Select(value)];
    }

    static readonly Gen<int> genStep = Gen.Int[0, 3].Select(static s => Math.Max(1, s));

    static readonly Gen<Axis> genAxis =
        from sizes in Gen.Select(Gen.Int[1, 6], Gen.Int[1, 4])
        from steps in Gen.Select(genStep, genStep)
        from ends in Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2])
        let a = new Axis(sizes.Item1, sizes.Item2, steps.Item1, ends.Item1, Math.Min(ends.Item2, Math.Max(steps.Item1, steps.Item2) - 1), steps.Item2)
        where a.Whole >= 1
        select a;

    /// <summary>Each pixel goes to its own place: a plain matrix product, but for the rows beyond.</summary>
    static readonly Gen<Axis> genPoint =
        from sizes in Gen.Select(Gen.Int[1, 6], genStep, Gen.Int[0, 2])
        select new Axis(sizes.Item1, 1, 1, 0, Math.Min(sizes.Item3, sizes.Item2 - 1), sizes.Item2);

    static readonly Gen<Case> genCase =
        from channels in Gen.OneOf(Gen.Select(Gen.Int[1, 4], Gen.Int[1, 4], Gen.Int[1, 4]), Gen.Int[2, 19].Select(static groups => (1, 1, groups)))
        from n in Gen.Int[1, 3]
        from axes in Gen.OneOf(genAxis.Array[1, 3], genAxis.Array[1, 3], genPoint.Array[1, 3])
        select new Case(n, channels.Item1, channels.Item2, channels.Item3, axes);

    /// <summary>The same cases in every run.</summary>
    static void Always(Func<Case, bool> holds)
    {
        PCG random = new(1, 6);
        for (int i = 0; i < Cases; i++)
        {
            Case c = genCase.Generate(random, null, out _);
            Assert.True(holds(c), c.ToString());
        }
    }

    static Tensor Random(uint stream, bool trainable, params int[] shape)
    {
        RandomStream random = new(6, stream);
        Tensor x = Tensor.Lasting(Shape.Create(shape), DType.Float64, trainable: trainable);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => random.NextNormal())]);
        return x;
    }

    static double Dot(double[] a, double[] b) => a.Zip(b, static (u, v) => u * v).Sum();

    /// <summary>Every product of a pixel with a tap, added where the definition says.</summary>
    static double[] Scattered(Case c, double[] x, double[] weight, double[] bias)
    {
        Axis[] axes = [.. Enumerable.Repeat(Axis.None, 3 - c.Axes.Length), .. c.Axes];
        (Axis d, Axis h, Axis w) = (axes[0], axes[1], axes[2]);
        double[] y = new double[c.N * d.Whole * h.Whole * w.Whole * c.Outputs];
        for (int i = 0; i < y.Length; i++) y[i] = bias[i % c.Outputs];
        for (int at = 0; at < x.Length; at++)
        {
            int q = at % c.Inputs, pixel = at / c.Inputs, n = pixel / (d.Size * h.Size * w.Size);
            for (int tap = 0; tap < d.Kernel * h.Kernel * w.Kernel; tap++)
            {
                int z = d.At(pixel / w.Size / h.Size % d.Size, tap / w.Kernel / h.Kernel), u = h.At(pixel / w.Size % h.Size, tap / w.Kernel % h.Kernel);
                int v = w.At(pixel % w.Size, tap % w.Kernel);
                if ((uint)z >= (uint)d.Whole || (uint)u >= (uint)h.Whole || (uint)v >= (uint)w.Whole) continue;
                for (int p = 0; p < c.GroupOutputs; p++)
                    y[(((n * d.Whole + z) * h.Whole + u) * w.Whole + v) * c.Outputs + q / c.GroupInputs * c.GroupOutputs + p]
                        += x[at] * weight[(tap * c.GroupOutputs + p) * c.Inputs + q];
            }
        }
        return y;
    }

    [Fact]
    public void A_transposed_convolution_is_what_its_definition_says() => Always(static c =>
    {
        using Step step = Step.Begin();
        Tensor x = Random(1, false, c.X), w = Random(2, false, c.Weight), b = Random(3, false, c.Outputs), y = c.Of(x, w, b);
        double[] expected = Scattered(c, x.ToDoubles(), w.ToDoubles(), b.ToDoubles());
        return y.Shape == Shape.Create(c.Y) && expected.Zip(y.ToDoubles()).All(static p => Math.Abs(p.First - p.Second) <= 1e-10 * (1 + Math.Abs(p.First)));
    });

    /// <summary>⟨convᵀ(x), y⟩ = ⟨x, conv(y)⟩.</summary>
    [Fact]
    public void It_is_the_adjoint_of_the_convolution() => Always(static c =>
    {
        using Step step = Step.Begin();
        Tensor x = Random(1, false, c.X), w = Random(2, false, c.Weight), y = Random(3, false, c.Y);
        double expected = Dot(c.Of(x, w, null).ToDoubles(), y.ToDoubles()), actual = Dot(x.ToDoubles(), c.Conv(y, w).ToDoubles());
        return Math.Abs(expected - actual) < 1e-10 * (1 + Math.Abs(expected) + y.Count);
    });

    /// <summary>⟨convᵀ(x, w), g⟩ = ⟨x, ∂x⟩ = ⟨w, ∂w⟩, since it is linear in each; ∂bias is the sum of g.</summary>
    [Fact]
    public void Gradients_are_the_adjoints_of_the_transposed_convolution() => Always(static c =>
    {
        Tensor x = Random(1, true, c.X), w = Random(2, true, c.Weight), b = Random(3, true, c.Outputs), g = Random(4, false, c.Y);
        using Step step = Step.Begin();
        Tensor y = c.Of(x, w, b);
        double[] gs = g.ToDoubles(), bs = b.ToDoubles();
        double shift = Dot(gs, [.. gs.Select((_, i) => bs[i % bs.Length])]), expected = Dot(y.ToDoubles(), gs) - shift;
        y.Backward(g);
        double scale = 1e-10 * (1 + Math.Abs(expected) + Math.Abs(shift) + y.Count);
        return Math.Abs(Dot(x.ToDoubles(), x.Gradient!.ToDoubles()) - expected) < scale && Math.Abs(Dot(w.ToDoubles(), w.Gradient!.ToDoubles()) - expected) < scale
            && Math.Abs(Dot(bs, b.Gradient!.ToDoubles()) - shift) < scale;
    });

    /// <summary>What lies between and beyond the windows is the bias alone, to the last bit.</summary>
    [Fact]
    public void Rows_that_no_window_reaches_are_the_bias()
    {
        using Step step = Step.Begin();
        foreach (int groups in (ReadOnlySpan<int>)[1, 2])
        {
            Tensor y = Random(1, false, 1, 3, 2).ConvTranspose(Random(2, false, 1, 2 / groups, 2), Random(3, false, 2), [3], outputPadding: [2], groups: groups);
            Assert.Equal([1, 9, 2], y.Shape.Dims.ToArray());
            double[] ys = y.ToDoubles(), bias = Random(3, false, 2).ToDoubles();
            for (int i = 0; i < 9; i++)
                if (i % 3 != 0) Assert.Equal(bias, ys[(2 * i)..(2 * i + 2)]);
                else Assert.NotEqual(bias, ys[(2 * i)..(2 * i + 2)]);
        }
    }

    [Fact]
    public void Misuse_is_refused_at_the_door()
    {
        using Step step = Step.Begin();
        Tensor x = Tensor.Zeros([2, 5, 4, 6]), w = Tensor.Zeros([3, 3, 2, 6]);
        Refused("outputPadding 1 of axis 0 must be smaller than its stride 1 or its dilation 1", () => x.ConvTranspose(w, outputPadding: [1]));
        Refused("outputPadding 2 of axis 1 must be smaller than its stride 2 or its dilation 1", () => x.ConvTranspose(w, null, [3, 2], outputPadding: [2]));
        Refused("with padding 3 gives 0; use less padding, got f32[2, 5, 4, 6] on cpu", () => x.ConvTranspose(w, padding: [3]));
        Refused("gives 8589934591; use a smaller stride", () => x.ConvTranspose(w, null, [int.MaxValue]));
        Refused("axis 0 of x and of the kernel must have a size of at least 1, the kernel has 3, got f32[2, 0, 4, 6]", () => Tensor.Zeros([2, 0, 4, 6]).ConvTranspose(w));
        Refused("axis 1 of x and of the kernel must have a size of at least 1, the kernel has 0", () => x.ConvTranspose(Tensor.Zeros([3, 0, 2, 6])));
        Refused("take one value or 2, at least 1, 0, 0 and 1", () => x.ConvTranspose(w, null, [1, 1, 1]));
        Refused("take one value or 2, at least 1, 0, 0 and 1", () => x.ConvTranspose(w, null, [0]));
        Refused("take one value or 2, at least 1, 0, 0 and 1", () => x.ConvTranspose(w, null, padding: [-1]));
        Refused("take one value or 2, at least 1, 0, 0 and 1", () => x.ConvTranspose(w, null, [2], outputPadding: [1, -1]));
        Refused("take one value or 2, at least 1, 0, 0 and 1", () => x.ConvTranspose(w, null, dilation: [0]));
        Refused("weight must be [*kernel, out / groups, in] of the rank of x [2, 5, 4, 6], got f32[3, 2, 6] on cpu", () => x.ConvTranspose(Tensor.Zeros([3, 2, 6])));
        Refused("weight must have the 6 inputs of x last: [*kernel, out / 1, 6], got f32[3, 3, 6, 2] on cpu", () => x.ConvTranspose(Tensor.Zeros([3, 3, 6, 2])));
        Refused("the 6 inputs must divide into 4 groups", () => x.ConvTranspose(w, groups: 4));
        Refused("the 6 inputs must divide into 0 groups", () => x.ConvTranspose(w, groups: 0));
        Refused("the 0 inputs must divide into 1 groups", () => Tensor.Zeros([2, 5, 4, 0]).ConvTranspose(Tensor.Zeros([3, 3, 2, 0])));
        Refused("bias must be [4], got f32[6] on cpu", () => x.ConvTranspose(w, Tensor.Zeros([6]), groups: 2));
        Refused("x and bias must share dtype and device", () => x.ConvTranspose(w, Tensor.Zeros([2], DType.Float64)));
        Refused("x and weight must share dtype and device", () => x.ConvTranspose(Tensor.Zeros([3, 3, 2, 6], DType.Float64)));
        Refused("x must hold real numbers", () => Tensor.Zeros([2, 5, 4, 6], DType.Int32).ConvTranspose(w));
        Refused("one to three spatial axes", () => Tensor.Zeros([1, 2, 2, 2, 2, 2]).ConvTranspose(Tensor.Zeros([1, 1, 1, 1, 2, 2])));
    }

    static void Refused(string reason, Func<object> call)
    {
        TensorException e = Assert.Throws<TensorException>(call);
        Assert.StartsWith("ConvTransposeOp: ", e.Message);
        Assert.Contains(reason, e.Message);
    }
}
