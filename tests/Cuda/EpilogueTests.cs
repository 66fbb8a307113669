using MiniTorch.Cuda;
using MiniTorch.Ops;
using MiniTorch.Tests.Cases;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>What a library does to a product in the same pass, against sums in float64, and which passes of ours it spares.</summary>
public sealed class EpilogueTests
{
    const double Tolerance = 1e-6, BrainTolerance = 1.0 / 256;      // of bf16: half a unit of the last place
    const double TanhTolerance = 1.0 / 2048;                        // of tanh.approx, by which a library may compute GELU

    /// <summary>M, N, K and the type: odd and even sizes, those of a block of ConvNeXt, and the last two a few large sums.</summary>
    public static TheoryData<int, int, int, DType> Sizes => new()
    {
        { 5, 7, 9, DType.Float32 }, { 37, 40, 24, DType.Float32 }, { 65, 129, 33, DType.Float32 }, { 196, 384, 96, DType.Float32 }, { 6, 16, 3001, DType.Float32 },
        { 5, 7, 9, DType.BFloat16 }, { 37, 40, 24, DType.BFloat16 }, { 65, 129, 33, DType.BFloat16 }, { 196, 384, 96, DType.BFloat16 }, { 6, 16, 3001, DType.BFloat16 },
    };

    [Theory, MemberData(nameof(Sizes)), Trait("category", TestedGpu.Category)]
    public void A_bias_is_added_before_the_one_rounding(int m, int n, int k, DType type) => Each(m, n, k, type, static (Operands o, CudaDevice device) =>
    {
        Tell(device.Blas!.TryBias(o.Type, o.Args));
        o.Close(o.Expected, o.C, "y");
    });

    [Theory, MemberData(nameof(Sizes)), Trait("category", TestedGpu.Category)]
    public void Column_sums_of_b_come_with_the_product(int m, int n, int k, DType type) => Each(m, n, k, type, static (Operands o, CudaDevice device) =>
    {
        Tensor sums = Tensor.Like(o.Bias);
        Tell(device.Blas!.TrySums(o.Type, o.Args with { Bias = default }, sums));
        o.Close(o.Product, o.C, "y");
        o.Close(o.Sums, sums, "sums");
    });

    [Theory, MemberData(nameof(Sizes)), Trait("category", TestedGpu.Category)]
    public void Tanh_gelu_keeps_what_it_was_applied_to(int m, int n, int k, DType type) => Each(m, n, k, type, static (Operands o, CudaDevice device) =>
    {
        if (o.Args.N % 8 != 0 || o.Type != DType.BFloat16) return;      // not asked for
        Tensor y = Tensor.Like(o.C);
        double[] bent = Array.ConvertAll(o.Expected, static v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))));
        Tell(device.Blas!.TryActivation(o.Type, o.Args, y, default(GeluTanh)));
        o.Close(o.Expected, o.C, "h");
        o.Close(bent, y, "y", TanhTolerance / 2);
        Tell(device.Blas!.TryActivation(o.Type, o.Args, o.C, default(GeluTanh)));
        o.Close(bent, o.C, "y alone", TanhTolerance / 2);
    });

    [Theory, MemberData(nameof(Sizes)), Trait("category", TestedGpu.Category)]
    public void Relu_is_applied(int m, int n, int k, DType type) => Each(m, n, k, type, static (Operands o, CudaDevice device) =>
    {
        Tell(device.Blas!.TryActivation(o.Type, o.Args, o.C, default(Relu)));
        o.Close(Array.ConvertAll(o.Expected, static v => Math.Max(v, 0)), o.C, "y");
    });

    /// <summary>One bias for all products of a batch.</summary>
    [Theory, Trait("category", TestedGpu.Category)]
    [InlineData(DType.Float32)]
    [InlineData(DType.BFloat16)]
    public void A_batch_shares_the_bias(DType type)
    {
        const int Batch = 3, M = 10, N = 24, K = 16;
        using TestedGpu gpu = Open();
        using Step step = Step.Begin();
        Operands all = new(gpu, type, Batch * M, N, K, false, false);
        GemmArgs args = all.Args with { M = M, Batch = Batch, BatchA = M * K, BatchC = M * N };
        Tell(gpu.Device.Blas!.TryBias(type, args));
        all.Close(all.Expected, all.C, "y");
    }

    /// <summary>Names of cases that end in epilogues, as on a machine that has cuBLAS alone.</summary>
    public static TheoryData<string> Names => [.. OpCases.ByName.Keys.Where(static n => n.StartsWith("linear", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Names))]
    public void Without_cublasLt_results_and_gradients_agree_with_float64(string name)
    {
        OpCase c = OpCases.ByName[name];
        using CpuDevice oracle = new(1);
        Tensor[] exact = c.Draw(DType.Float64, oracle);
        double[] seed = OpCaseTests.Seed(c, exact);
        (double[] y, double[]?[] g) = OpCaseTests.Differentiate(c, exact, seed);
        using CudaDevice device = Emulated(new(), fuses: false);
        (double[] gpuY, double[]?[] gpuG) = OpCaseTests.Differentiate(c, c.Draw(DType.Float32, device), seed);
        OpCaseTests.Close(y, gpuY, 1e-5, $"{name}: y");
        for (int i = 0; i < g.Length; i++) if (g[i] is { } expected) OpCaseTests.Close(expected, gpuG[i]!, 1e-5, $"{name}: gradient {i}");
    }

    /// <summary>Kernels of ours in a training step of a layer of 24 inputs and 32 outputs in bf16: with the library, the formulas that it does not know alone.</summary>
    [Theory]
    [InlineData(true, "linear", "")]
    [InlineData(false, "linear", "gemmFinish fold")]
    [InlineData(true, "gelu", "linearValue linearSlope foldMerge")]
    [InlineData(false, "gelu", "linearValue linearSlope foldMerge")]
    [InlineData(true, "gelu tanh", "linearSlope foldMerge")]
    [InlineData(false, "gelu tanh", "linearValue linearSlope foldMerge")]
    [InlineData(true, "relu", "linearSlope foldMerge")]
    public void Passes_are_spared(bool fuses, string layer, string kernels)
    {
        using EmulatedDriver driver = new();
        using CudaDevice device = Emulated(driver, fuses);
        List<string> launched = [];
        driver.Launched = (kernel, _) => launched.Add(kernel.Split('_')[0]);
        using Step step = Step.Begin();
        Tensor x = Of([40, 24], 1), w = Of([24, 32], 2), b = Of([32], 3), dy = Tensor.Zeros([40, 32], DType.BFloat16, device);
        Tensor y = layer switch { "linear" => x.Linear(w, b), "gelu" => x.LinearGelu(w, b), "relu" => x.LinearActivation<Relu>(w, b), _ => x.LinearActivation<GeluTanh>(w, b) };
        y.Backward(dy);
        Assert.Equal(kernels, string.Join(' ', launched));

        Tensor Of(Shape shape, int seed)
        {
            Tensor t = Tensor.Lasting(shape, DType.BFloat16, device, trainable: true);
            t.WriteDoubles(Numbers((int)shape.Count, (uint)seed));
            return t;
        }
    }

    /// <summary>An erf GELU's h comes from the product with its bias: the pass over it writes y alone, a third less than h and y.</summary>
    [Fact]
    public void The_pass_of_a_formula_writes_its_result_alone()
    {
        Assert.Equal((2 * 4 * 64 * 96L, 3 * 4 * 64 * 96L), (Bytes(fuses: true), Bytes(fuses: false) - 4 * 96));

        static long Bytes(bool fuses)
        {
            using EmulatedDriver driver = new();
            using CudaDevice device = Emulated(driver, fuses);
            long bytes = 0;
            driver.Launched = (_, c) => bytes += c.FootprintReadBytes + c.FootprintWrittenBytes;
            using Step step = Step.Begin();
            Tensor x = Tensor.Lasting([64, 16], device: device, trainable: true), w = Tensor.Zeros([16, 96], device: device), b = Tensor.Zeros([96], device: device);
            x.Fill(1);
            _ = x.LinearGelu(w, b);
            return bytes;
        }
    }

    [Fact]
    public void A_missing_cublasLt_is_told()
    {
        using CudaDevice device = Emulated(new(), fuses: false);
        Assert.Equal(["cuda:emulated: cuBLASLt was not found, biases and their gradients take passes of their own; dcls doctor shows where it was searched"], device.Notes);
    }

    static CudaDevice Emulated(EmulatedDriver driver, bool fuses) => new(driver, d => new ServedBlas(d, driver, fuses), d => new ServedDnn(d, driver), exactBlocks: true);

    static TestedGpu Open()
    {
        TestedGpu gpu = TestedGpu.Open();
        if (gpu.Device.Blas is { Fuses: true }) return gpu;
        gpu.Dispose();
        Assert.Skip("cuBLASLt was not found beside this GPU");
        return gpu;
    }

    /// <summary>A library of a real GPU may have no kernel: then ours is used, and the test has nothing to look at.</summary>
    static void Tell(bool queued)
    {
        if (TestedGpu.IsReal) Assert.SkipUnless(queued, "cuBLASLt has no kernel for this product");
        Assert.True(queued);
    }

    static void Each(int m, int n, int k, DType type, Action<Operands, CudaDevice> check)
    {
        using TestedGpu gpu = Open();
        foreach ((bool transposeA, bool transposeB) in (ReadOnlySpan<(bool, bool)>)[(false, false), (true, false), (false, true), (true, true)])
        {
            using Step step = Step.Begin();
            check(new(gpu, type, m, n, k, transposeA, transposeB), gpu.Device);
        }
    }

    static double[] Numbers(int count, uint stream)
    {
        RandomStream random = new(17, stream);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) values[i] = (double)(BFloat16)(2 * random.NextDouble() - 1);
        return values;
    }

    /// <summary>A product with a bias, and what comes of it in float64.</summary>
    sealed class Operands
    {
        internal Operands(Device device, DType type, int m, int n, int k, bool transposeA, bool transposeB)
        {
            Type = type;
            double[] a = Numbers(m * k, 1), b = Numbers(k * n, 2), bias = Numbers(n, 3);
            Bias = Of([n], bias);
            C = Tensor.Empty([m, n], type, device);
            Args = new(Of(transposeA ? [k, m] : [m, k], a), Of(transposeB ? [n, k] : [k, n], b), C, m, n, k, transposeA, transposeB) { Bias = Bias };
            (Product, Expected, Sums) = (new double[m * n], new double[m * n], new double[n]);
            for (int i = 0; i < m; i++)
                for (int l = 0; l < k; l++)
                {
                    double x = a[transposeA ? l * m + i : i * k + l];
                    for (int j = 0; j < n; j++)
                    {
                        double w = b[transposeB ? j * k + l : l * n + j];
                        Product[i * n + j] += x * w;
                        if (i == 0) Sums[j] += w;
                    }
                }
            for (int i = 0; i < m * n; i++) Expected[i] = Product[i] + bias[i % n];

            Tensor Of(Shape shape, double[] values)
            {
                Tensor t = Tensor.Empty(shape, type, device);
                t.WriteDoubles(values);
                return t;
            }
        }

        internal DType Type { get; }
        internal GemmArgs Args { get; }
        internal Tensor C { get; }
        internal Tensor Bias { get; }
        internal double[] Product { get; }
        internal double[] Expected { get; }
        internal double[] Sums { get; }

        /// <summary>In bf16 each number by itself, as it is rounded once; in float32 against the largest, as sums cancel. The formula may add a share of what it is applied to.</summary>
        internal void Close(double[] expected, Tensor actual, string what, double ofFormula = 0)
        {
            double[] found = actual.ToDoubles();
            double largest = expected.Max(Math.Abs);
            for (int i = 0; i < expected.Length; i++)
            {
                double allowed = Tolerance * Math.Max(1, largest) + (Type == DType.BFloat16 ? BrainTolerance * Math.Abs(expected[i]) : 0) + ofFormula * Math.Abs(Expected[i]);
                Assert.True(Math.Abs(expected[i] - found[i]) <= allowed, $"{what}[{i}] of {Args.M} x {Args.N} x {Args.K}, transposed {Args.TransposeA} {Args.TransposeB}: {found[i]}, expected {expected[i]}");
            }
        }
    }
}
