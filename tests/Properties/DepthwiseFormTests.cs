using CsCheck;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Properties;

/// <summary>The fast forms of a depthwise convolution, called by themselves: against plain loops, and in what a transform could get wrong.</summary>
public sealed unsafe class DepthwiseFormTests
{
    sealed record Case(int N, int H, int W, int C, int Kh, int Kw, int Ph, int Pw, int Bits)
    {
        internal Windows Windows => new(N, C, Axis.None, Along(H, Kh, Ph), Along(W, Kw, Pw));

        static Axis Along(int size, int kernel, int padding) => new(size, size + 2 * padding - kernel + 1, kernel, 1, padding, 1);
    }

    delegate void Form(CpuDevice device, in DepthwiseArgs args);

    static readonly Gen<Case> genCase =
        from image in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 30], Gen.Int[1, 70], Gen.Int[1, 35])
        from kernel in Gen.Select(Gen.Int[1, 19], Gen.Int[1, 23])
        from padding in Gen.Select(Gen.Int[0, 18], Gen.Int[0, 22])
        from bits in Gen.Int[0, 2].Select(static i => 128 << i)
        let c = new Case(image.Item1, image.Item2, image.Item3, image.Item4, kernel.Item1, kernel.Item2, padding.Item1 % kernel.Item1, padding.Item2 % kernel.Item2, bits)
        where c.Windows.H.Out > 0 && c.Windows.W.Out > 0
        select c;

    static readonly Gen<Case> genNarrow = from c in genCase
                                          let n = c with { W = 1 + c.W % 7 }
                                          where n.Windows.W.Out is > 0 and <= 7
                                          select n;

    static Tensor Random(uint stream, DType type, params int[] shape)
    {
        RandomStream random = new(11, stream);
        Tensor x = Tensor.Lasting(Shape.Create(shape), type);
        x.WriteDoubles([.. Enumerable.Range(0, x.Count).Select(_ => (float)random.NextNormal())]);
        return x;
    }

    static bool Agrees(double[] expected, double[] actual, double tolerance)
    {
        double scale = Math.Max(1, expected.Max(Math.Abs));
        return expected.Zip(actual, (e, a) => Math.Abs(e - a) <= tolerance * scale).All(static ok => ok);
    }

    /// <summary>Both kernels of a form, at the registers of a case.</summary>
    static (Form Forward, Form Weight) At(int bits, bool narrow) => (bits, narrow) switch
    {
        (128, false) => (DepthwiseRows.Forward<double, Lanes128<double>>, DepthwiseRows.WeightGradient<double, Lanes128<double>>),
        (256, false) => (DepthwiseRows.Forward<double, Lanes256<double>>, DepthwiseRows.WeightGradient<double, Lanes256<double>>),
        (_, false) => (DepthwiseRows.Forward<double, Lanes512<double>>, DepthwiseRows.WeightGradient<double, Lanes512<double>>),
        (128, true) => (DepthwiseNarrow.Forward<double, Lanes128<double>>, DepthwiseNarrow.WeightGradient<double, Lanes128<double>>),
        (256, true) => (DepthwiseNarrow.Forward<double, Lanes256<double>>, DepthwiseNarrow.WeightGradient<double, Lanes256<double>>),
        (_, true) => (DepthwiseNarrow.Forward<double, Lanes512<double>>, DepthwiseNarrow.WeightGradient<double, Lanes512<double>>),
    };

    /// <summary>The form that takes tap by tap, at the registers of a case.</summary>
    static Form Taps(int bits) => bits switch
    {
        128 => DepthwiseTaps.Forward<double, Lanes128<double>>,
        256 => DepthwiseTaps.Forward<double, Lanes256<double>>,
        _ => DepthwiseTaps.Forward<double, Lanes512<double>>,
    };

    static bool IsTheDefinition(Case c, bool narrow)
    {
        using CpuDevice device = new(2);
        Windows windows = c.Windows;
        using Step step = Step.Begin();
        Tensor x = Random(1, DType.Float64, c.N, c.H, c.W, c.C), w = Random(2, DType.Float64, c.Kh, c.Kw, 1, c.C), dy = Random(3, DType.Float64, c.N, windows.H.Out, windows.W.Out, c.C);
        Tensor bias = Random(4, DType.Float64, c.C), y = Tensor.Like(dy), dx = Tensor.Like(x), dw = Tensor.Like(w);
        (Form forward, Form weight) = At(c.Bits, narrow);
        bool same = Same(y, new(x, w, y, bias, windows, 1), forward, DepthwiseGeneral.Forward<double, Lanes256<double>>)
            && Same(dx, new(dx, w, dy, default, windows, 1), (CpuDevice d, in DepthwiseArgs a) => forward(d, a.Turned()), DepthwiseGeneral.InputGradient<double, Lanes256<double>>)
            && Same(dw, new(x, dw, dy, default, windows, 1), weight, DepthwiseGeneral.WeightGradient<double, Lanes256<double>>);
        KeepAlive(x, w, dy, bias);
        return same;

        bool Same(Tensor result, DepthwiseArgs args, Form form, Form definition)
        {
            definition(device, args);
            double[] expected = result.ToDoubles();
            result.WriteDoubles(expected.Select(static _ => 7.0).ToArray());
            form(device, args);
            return Agrees(expected, result.ToDoubles(), 1e-11);
        }
    }

    /// <summary>Kernels that are called by themselves see addresses only: their operands must not be collected meanwhile.</summary>
    static void KeepAlive(params Tensor[] operands) => GC.KeepAlive(operands);

    [Fact]
    public void By_rows_it_is_what_its_definition_says() => genCase.Sample(static c => IsTheDefinition(c, narrow: false), iter: 150);

    [Fact]
    public void Tap_by_tap_it_is_what_its_definition_says() => (from c in genCase from share in Gen.Double[0, 1] select (c, share)).Sample(static at =>
    {
        (Case c, double share) = at;
        using CpuDevice device = new(2);
        using Step step = Step.Begin();
        Tensor x = Random(1, DType.Float64, c.N, c.H, c.W, c.C), w = Random(2, DType.Float64, c.Kh, c.Kw, 1, c.C), dy = Random(3, DType.Float64, c.N, c.Windows.H.Out, c.Windows.W.Out, c.C);
        Tensor bias = Random(4, DType.Float64, c.C), y = Tensor.Like(dy), expected = Tensor.Like(dy), dx = Tensor.Like(x), expectedDx = Tensor.Like(x);
        RandomStream random = new(5, 1);
        w.WriteDoubles([.. w.ToDoubles().Select(v => random.NextDouble() < share ? v : 0)]);
        DepthwiseArgs forward = new(x, w, expected, bias, c.Windows, 1), backward = new(expectedDx, w, dy, default, c.Windows, 1);
        DepthwiseGeneral.Forward<double, Lanes256<double>>(device, forward);
        DepthwiseGeneral.InputGradient<double, Lanes256<double>>(device, backward);
        Taps(c.Bits)(device, forward with { Y = y });
        Taps(c.Bits)(device, (backward with { X = dx }).Turned());
        KeepAlive(x, w, dy, bias);
        return Agrees(expected.ToDoubles(), y.ToDoubles(), 1e-11) && Agrees(expectedDx.ToDoubles(), dx.ToDoubles(), 1e-11);
    }, iter: 150);

    [Theory, InlineData(56, 31, 12, true), InlineData(56, 17, 107, false), InlineData(56, 17, 289, false), InlineData(14, 13, 40, false)]
    public void Few_taps_are_taken_one_by_one(int side, int size, int taps, bool pays)
    {
        Tensor w = Tensor.Lasting([size, size, 1, 32]);
        float[] values = new float[w.Count];
        for (int i = 0; i < taps; i++) values.AsSpan(i * 32, 32).Fill(1);
        w.Write<float>(values);
        DepthwiseArgs args = new(default, w, default, default, new Case(8, side, side, 32, size, size, size / 2, size / 2, 256).Windows, 1);
        double otherwise = Math.Min(DepthwiseRows.Cost(args.Windows, 32), DepthwiseDirect.Cost(args.Windows));
        Assert.Equal(pays, DepthwiseTaps.Pays<float, Lanes256<float>>(args, otherwise));
        KeepAlive(w);
    }

    [Fact]
    public void On_narrow_maps_it_is_what_its_definition_says() => genNarrow.Sample(static c => IsTheDefinition(c, narrow: true), iter: 150);

    [Theory, InlineData(1, 90, 300, 3, 9), InlineData(3, 150, 70, 17, 5), InlineData(1, 1, 5000, 2, 301)]
    public void Images_larger_than_the_cache_are_cut_into_strips(int n, int high, int wide, int channels, int kernel)
        => Assert.True(IsTheDefinition(new(n, high, wide, channels, Math.Min(kernel, high), kernel, Math.Min(kernel, high) / 2, kernel / 2, 256), narrow: false));

    [Fact]
    public void Large_results_go_past_the_caches_and_are_the_same()
    {
        using CpuDevice device = new(2);
        using Step step = Step.Begin();
        Windows windows = new Case(2, 128, 128, 64, 5, 5, 2, 2, 512).Windows;
        Tensor x = Random(1, DType.Float32, 2, 128, 128, 64), w = Random(2, DType.Float32, 5, 5, 1, 64), bias = Random(3, DType.Float32, 64), expected = Tensor.Like(x), y = Tensor.Like(x);
        DepthwiseArgs args = new(x, w, y, bias, windows, 1);
        Assert.True(args.Streams<float, Lanes512<float>>());
        Assert.False(args.Streams<float, Lanes256<float>>());
        DepthwiseGeneral.Forward<float, Lanes512<float>>(device, args with { Y = expected });
        foreach (Form form in (ReadOnlySpan<Form>)[DepthwiseRows.Forward<float, Lanes512<float>>, DepthwiseDirect.Forward<float, Lanes512<float>>])
        {
            y.WriteDoubles(new double[y.Count]);
            form(device, args);
            Assert.True(Agrees(expected.ToDoubles(), y.ToDoubles(), 1e-5));
        }
        KeepAlive(x, w, bias);
    }

    static Tensor Convolved(CpuDevice device, Tensor x, Tensor w)
    {
        Tensor y = Tensor.Like(x);
        DepthwiseRows.Forward<float, Lanes256<float>>(device, new(x, w, y, default, new Case(x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], 9, 9, 4, 4, 256).Windows, 1));
        KeepAlive(x, w);
        return y;
    }

    /// <summary>A batch of images of the given factors; every image is the same but for its factor.</summary>
    static Tensor Batch(params double[] factors)
    {
        double[] image = Random(1, DType.Float32, 1, 20, 20, 24).ToDoubles();
        Tensor x = Tensor.Lasting([factors.Length, 20, 20, 24], DType.Float32);
        x.WriteDoubles([.. factors.SelectMany(f => image.Select(v => v * f))]);
        return x;
    }

    [Theory, InlineData(1, 1), InlineData(1, 5), InlineData(1, 1e4), InlineData(1, 5e37), InlineData(1e-6, 1), InlineData(1, 1e-12), InlineData(1e30, 1e-30), InlineData(0, 1), InlineData(1, 0)]
    public void An_image_hardly_knows_its_neighbour(double own, double other)
    {
        using CpuDevice device = new(1);
        using Step step = Step.Begin();
        Tensor w = Random(2, DType.Float32, 9, 9, 1, 24);
        double[] alone = Convolved(device, Batch(own), w).ToDoubles();
        double[] first = Convolved(device, Batch(own, other), w).ToDoubles()[..alone.Length], second = Convolved(device, Batch(other, own), w).ToDoubles()[alone.Length..];
        KeepAlive(w);
        double scale = alone.Max(Math.Abs);
        Assert.All(alone.Zip(first), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 1e-6 * scale, $"{pair.First} alone, {pair.Second} with a neighbour"));
        Assert.All(alone.Zip(second), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 1e-6 * scale, $"{pair.First} alone, {pair.Second} with a neighbour"));
    }

    [Theory, InlineData(double.NaN), InlineData(double.PositiveInfinity), InlineData(double.NegativeInfinity)]
    public void What_is_not_finite_stays_under_its_windows(double value)
    {
        using CpuDevice device = new(2);
        using Step step = Step.Begin();
        Tensor x = Batch(1, 1, 1), w = Random(2, DType.Float32, 9, 9, 1, 24), direct = Tensor.Like(x);
        double[] values = x.ToDoubles();
        for (int at = 0; at < 3; at++) values[((20 + 5) * 20 + 7 + at) * 24 + 3] = value;
        x.WriteDoubles(values);
        DepthwiseDirect.Forward<float, Lanes256<float>>(device, new(x, w, direct, default, new Case(3, 20, 20, 24, 9, 9, 4, 4, 256).Windows, 1));
        double[] expected = direct.ToDoubles(), actual = Convolved(device, x, w).ToDoubles();
        Assert.Contains(expected, static v => !double.IsFinite(v));
        Assert.Equal(expected, actual);
        DepthwiseTaps.Forward<float, Lanes256<float>>(device, new(x, w, direct, default, new Case(3, 20, 20, 24, 9, 9, 4, 4, 256).Windows, 1));
        KeepAlive(x, w);
        Assert.Equal(expected, direct.ToDoubles());
        Assert.All(expected[..9600].Concat(expected[19200..]), static v => Assert.True(double.IsFinite(v)));
        Assert.Equal(24 * 400 - 9 * 11, expected[9600..19200].Count(double.IsFinite));
    }

    [Fact]
    public void A_gradient_that_is_not_finite_stays_in_its_channel()
    {
        using CpuDevice device = new(2);
        using Step step = Step.Begin();
        Tensor x = Batch(1, 2), dy = Batch(1, 1), dw = Tensor.Like(x, [9, 9, 1, 24]);
        double[] values = x.ToDoubles();
        values[(10 * 20 + 10) * 24 + 3] = double.NaN;
        x.WriteDoubles(values);
        DepthwiseRows.WeightGradient<float, Lanes256<float>>(device, new(x, dw, dy, default, new Case(2, 20, 20, 24, 9, 9, 4, 4, 256).Windows, 1));
        KeepAlive(x, dy);
        double[] slopes = dw.ToDoubles();
        for (int i = 0; i < slopes.Length; i++) Assert.Equal(i % 24 != 3, double.IsFinite(slopes[i]));
    }

    [Theory, InlineData(2), InlineData(3), InlineData(6), InlineData(16), InlineData(18), InlineData(24), InlineData(27), InlineData(64), InlineData(72), InlineData(144), InlineData(486)]
    public void A_transform_is_its_definition_and_comes_back(int length)
    {
        int registers = 2 * length, count = Lanes256<double>.Count;
        double[] roots = new double[Dft.RootElements(length)], z = new double[registers * count];
        RandomStream random = new(1, (uint)length);
        for (int i = 0; i < z.Length; i++) z[i] = random.NextNormal();
        double[] start = [.. z];
        fixed (double* r = roots, p = z)
        {
            Dft dft = Dft.OfLength(length, r);
            dft.Forward<double, Lanes256<double>, Points<double, Lanes256<double>>>(new(p), p, null);
            List<(double Re, double Im)> expected = [];
            for (int f = 0; f < length; f++)
            {
                (double re, double im) = (0, 0);
                for (int t = 0; t < length; t++)
                {
                    (double sine, double cosine) = Math.SinCos(-2 * Math.PI * ((long)f * t % length) / length);
                    (double a, double b) = (start[2 * t * count], start[(2 * t + 1) * count]);
                    (re, im) = (re + a * cosine - b * sine, im + a * sine + b * cosine);
                }
                expected.Add((re, im));
            }
            for (int at = 0; at < length; at++)
            {
                (double re, double im) = (z[2 * at * count], z[(2 * at + 1) * count]);
                Assert.Contains(expected, e => Math.Abs(e.Re - re) + Math.Abs(e.Im - im) < 1e-9);
            }
            dft.Inverse<double, Lanes256<double>, Points<double, Lanes256<double>>>(p, new(p));
        }
        for (int i = 0; i < z.Length; i++) Assert.Equal(start[i], z[i] / length, 1e-10);
    }

    [Fact]
    public void Lengths_are_products_of_twos_and_threes_and_never_too_short()
    {
        for (int least = 1; least < 300; least++)
        {
            int length = Dft.Fit(least), rest = length;
            while (rest % 2 == 0) rest /= 2;
            while (rest % 3 == 0) rest /= 3;
            Assert.True(length >= least && rest == 1 && length < least * 1.5 + 1, $"{length} for {least}");
        }
    }
}
