namespace MiniTorch.Tests.Engine;

/// <summary>Matrix products against three loops in double, over shapes around every block size, at every width and for several thread counts.</summary>
public sealed class GemmTests
{
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 1, 1, 0 }, { 5, 7, 0 }, { 0, 3, 4 }, { 3, 0, 4 }, { 1, 37, 19 }, { 41, 1, 23 }, { 1, 130, 300 }, { 130, 1, 300 },
        { 6, 16, 8 }, { 7, 17, 13 }, { 5, 15, 3 }, { 12, 32, 64 }, { 13, 64, 31 }, { 97, 67, 101 }, { 96, 16, 384 }, { 191, 33, 389 }, { 2, 259, 811 }, { 331, 129, 47 }, { 19, 35, 2500 },
        { 35, 19, 2500 }, { 101, 3, 77 }, { 3, 101, 77 }, { 8, 64, 130 }, { 64, 8, 130 }, { 100, 300, 500 }, { 520, 70, 60 }, { 103, 40, 400 }, { 600, 130, 450 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Agrees_with_three_loops(int m, int n, int k)
    {
        foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
        {
            using CpuDevice one = new(1, new(bits)), two = new(2, new(bits)), eight = new(8, new(bits));
            foreach (DType type in (ReadOnlySpan<DType>)[DType.Float32, DType.Float64])
                for (int form = 0; form < 16; form++)
                    Check(m, n, k, batch: 1, form, sharedB: false, type, one, two, eight);
        }
    }

    /// <summary>Sizes below, at and above tiles, panels, blocks and depths, in random combination, with random forms and batches.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public void Agrees_with_three_loops_at_random(int seed)
    {
        RandomStream random = new(5, (uint)seed);
        int Draw(params ReadOnlySpan<int> near) => Math.Max(0, near[(int)(random.NextDouble() * near.Length)] + (int)(random.NextDouble() * 5) - 2);
        foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
        {
            using CpuDevice one = new(1, new(bits)), three = new(3, new(bits));
            for (int i = 0; i < 20; i++)
            {
                int m = Draw(2, 6, 12, 48, 96, 192, 513), n = Draw(2, 8, 16, 32, 64, 130, 257), k = Draw(2, 16, 64, 216, 385, 433);
                int batch = (long)m * n * k < 1 << 20 ? 1 + i % 3 : 1;
                Check(m, n, k, batch, form: (int)(random.NextDouble() * 12), sharedB: i % 2 == 0, i % 4 == 0 ? DType.Float64 : DType.Float32, one, three);
            }
        }
    }

    /// <summary>0 · NaN and 0 · ∞ are NaN, in the rows or columns that they belong to and nowhere else.</summary>
    [Theory]
    [InlineData(7, 17, 13)]
    [InlineData(100, 70, 300)]
    [InlineData(30, 20, 2000)]
    [InlineData(1, 40, 33)]
    [InlineData(40, 1, 33)]
    [InlineData(40, 3, 33)]
    [InlineData(3, 40, 33)]
    public void Zero_times_what_is_not_finite_is_not_a_number(int m, int n, int k)
    {
        foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
        {
            using CpuDevice device = new(1, new(bits));
            for (int form = 0; form < 4; form++)
            {
                (bool transposeA, bool transposeB) = ((form & 1) != 0, (form & 2) != 0);
                (int row, int column, int p) = (m - 1, n / 2, k - 2);
                double[] a = new double[m * k], b = new double[k * n];
                a[transposeA ? p * m + row : row * k + p] = double.NaN;
                b[transposeB ? column * k + p : p * n + column] = double.PositiveInfinity;
                Tensor ta = Make(a, DType.Float32, device), tb = Make(b, DType.Float32, device), tc = Make(new double[m * n], DType.Float32, device);
                Gemm.Product.Launch(device, DType.Float32, new(ta, tb, tc, m, n, k, transposeA, transposeB));
                double[] c = tc.ToDoubles();
                for (int i = 0; i < c.Length; i++) Assert.Equal(i / n == row || i % n == column, double.IsNaN(c[i]));
            }
        }
    }

    [Theory]
    [InlineData(7, 9, 11, 5, false)]
    [InlineData(7, 9, 11, 5, true)]
    [InlineData(1, 13, 6, 4, true)]
    [InlineData(5, 13, 41, 3, true)]
    [InlineData(13, 3, 41, 3, false)]
    [InlineData(100, 20, 390, 3, false)]
    public void Multiplies_each_matrix_of_a_batch(int m, int n, int k, int batch, bool sharedB)
    {
        using CpuDevice one = new(1), two = new(2), eight = new(8);
        for (int form = 0; form < 16; form++) Check(m, n, k, batch, form, sharedB, DType.Float64, one, two, eight);
    }

    /// <summary>The bits of form: A transposed, B transposed, bias, accumulate.</summary>
    static void Check(int m, int n, int k, int batch, int form, bool sharedB, DType type, params CpuDevice[] devices)
    {
        bool transposeA = (form & 1) != 0, transposeB = (form & 2) != 0, biased = (form & 4) != 0, accumulate = (form & 8) != 0;
        if (biased && accumulate) return;
        int padA = form % 3, padB = form % 2, padC = form % 4;                 // leading dimensions larger than the rows
        int leadingA = (transposeA ? m : k) + padA, leadingB = (transposeB ? k : n) + padB, leadingC = n + padC;
        int sizeA = leadingA * (transposeA ? k : m), sizeB = leadingB * (transposeB ? n : k), sizeC = leadingC * m;
        RandomStream random = new(7, (uint)form);
        double[] a = Draw(random, sizeA * batch), b = Draw(random, sizeB * batch), bias = Draw(random, n), start = Draw(random, sizeC * batch);
        double[] expected = [.. start];
        for (int q = 0; q < batch; q++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                {
                    double sum = accumulate ? start[q * sizeC + i * leadingC + j] : biased ? bias[j] : 0;
                    for (int p = 0; p < k; p++)
                        sum += a[q * sizeA + (transposeA ? p * leadingA + i : i * leadingA + p)] * b[(sharedB ? 0 : q * sizeB) + (transposeB ? j * leadingB + p : p * leadingB + j)];
                    expected[q * sizeC + i * leadingC + j] = sum;
                }

        double[]? first = null;
        foreach (CpuDevice device in devices)
        {
            Tensor ta = Make(a, type, device), tb = Make(b, type, device), tbias = Make(bias, type, device), tc = Make(start, type, device);
            Gemm.Product.Launch(device, type, new(ta, tb, tc, m, n, k, transposeA, transposeB)
            {
                LeadingA = leadingA, LeadingB = leadingB, LeadingC = leadingC, Bias = biased ? tbias : null, Accumulate = accumulate,
                Batch = batch, BatchA = sizeA, BatchB = sharedB ? 0 : sizeB, BatchC = sizeC,
            });
            double[] actual = tc.ToDoubles();
            GC.KeepAlive((ta, tb, tbias));          // the launch sees addresses only
            if (first is not null)
            {
                Assert.Equal(first, actual);
                continue;
            }
            first = actual;
            double tolerance = (type == DType.Float32 ? 3e-7 : 1e-15) * (4 + Math.Sqrt(k));
            for (int i = 0; i < actual.Length; i++)
                Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * 20, $"{m}x{n}x{k} form {form} at {device.Simd} in {type.Short()}: [{i}] is {actual[i]}, expected {expected[i]}");
        }
    }

    static double[] Draw(RandomStream random, int count)
    {
        double[] v = new double[count];
        for (int i = 0; i < count; i++) v[i] = (float)(2 * random.NextDouble() - 1);
        return v;
    }

    static Tensor Make(double[] values, DType type, CpuDevice device)
    {
        Tensor x = Tensor.Lasting([values.Length], type, device);
        x.WriteDoubles(values);
        return x;
    }
}
