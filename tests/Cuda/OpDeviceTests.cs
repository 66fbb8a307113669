using MiniTorch.Ops;
using MiniTorch.Tests.Cases;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>Every op on a GPU against the CPU.</summary>
[Trait("category", TestedGpu.Category)]
public sealed class OpDeviceTests
{
    const double Tolerance = 1e-5;      // closer than the CPU's float32 must be, since kernels sum in more parts
    const double Usual = 1e-4;          // of cases; one that allows more has inputs which float32 rounds

    /// <summary>How the names of cases begin which a library computes, or a kernel of ours where it is absent.</summary>
    static readonly string[] served = ["conv ", "linear", "matmul", "attention"];

    /// <summary>How the names of cases begin whose kernels take float32 alone: they say so.</summary>
    static readonly string[] singles = ["dcls", "delay conv", "lif", "plif", "recurrent lif", "rounded delays", "synapse filter"];

    public static TheoryData<string> Names => [.. OpCases.ByName.Keys];

    public static TheoryData<string> ServedNames => [.. OpCases.ByName.Keys.Where(static n => served.Any(n.StartsWith))];

    [Theory, MemberData(nameof(Names))]
    public void Results_and_gradients_agree_with_float64_on_the_cpu(string name) => Agree(OpCases.ByName[name]);

    [Theory, MemberData(nameof(ServedNames))]
    public void They_agree_without_libraries(string name) => Agree(OpCases.ByName[name], libraries: false);

    public static TheoryData<string> BrainNames => [.. OpCases.ByName.Keys.Where(static n => !singles.Any(n.StartsWith))];

    public static TheoryData<string> BrainServedNames => [.. ServedNames.Select(static row => row.Data)];

    public static TheoryData<string> SingleNames => [.. OpCases.ByName.Keys.Where(static n => singles.Any(n.StartsWith))];

    [Theory, MemberData(nameof(BrainNames))]
    public void In_bf16_they_agree_within_its_rounding_and_without_bias(string name) => AgreeInBrain(OpCases.ByName[name]);

    [Theory, MemberData(nameof(BrainServedNames))]
    public void In_bf16_they_agree_without_libraries(string name) => AgreeInBrain(OpCases.ByName[name], libraries: false);

    [Theory, MemberData(nameof(SingleNames))]
    public void What_is_for_float32_alone_says_so_of_bf16(string name)
    {
        OpCase c = OpCases.ByName[name];
        using TestedGpu device = TestedGpu.Open();
        using Step step = Step.Begin();
        TensorException refused = Assert.Throws<TensorException>(() => c.Run(c.Draw(DType.BFloat16, device)));
        Assert.Contains("does not compute in bf16", refused.Message);
        Assert.Contains("To(DType.Float32)", refused.Message);
    }

    /// <summary>A case in bf16 against float64 of the same inputs, which are numbers of bf16.</summary>
    static void AgreeInBrain(OpCase c, bool libraries = true)
    {
        using CpuDevice oracle = new(1);
        Tensor[] exact = c.Draw(DType.Float64, oracle);
        foreach (Tensor x in exact) if (x.DType == DType.Float64) x.WriteDoubles(BrainAgreement.Rounded(x.ToDoubles()));
        double[] seed = BrainAgreement.Rounded(OpCaseTests.Seed(c, exact));
        (double[] y, double[]?[] g) = OpCaseTests.Differentiate(c, exact, seed);
        using TestedGpu device = TestedGpu.Open(libraries);
        Tensor[] inputs = c.Draw(DType.BFloat16, device);
        (double[] gpuY, double[]?[] gpuG) = OpCaseTests.Differentiate(c, inputs, seed);
        BrainAgreement.Check(y, gpuY, $"{c.Name}: y");
        for (int k = 0; k < g.Length; k++) if (g[k] is { } expected) BrainAgreement.Check(expected, gpuG[k]!, $"{c.Name}: gradient {k}");
        GC.KeepAlive(inputs);
    }

    /// <summary>Runs a case on the GPU under test, in float32, and on the CPU in float64.</summary>
    internal static void Agree(OpCase c, bool libraries = true)
    {
        using CpuDevice oracle = new(1);
        Tensor[] exact = c.Draw(DType.Float64, oracle);
        double[] seed = OpCaseTests.Seed(c, exact);
        (double[] y, double[]?[] g) = OpCaseTests.Differentiate(c, exact, seed);
        using TestedGpu device = TestedGpu.Open(libraries);
        Tensor[] inputs = c.Draw(DType.Float32, device);
        (double[] gpuY, double[]?[] gpuG) = OpCaseTests.Differentiate(c, inputs, seed);
        double tolerance = c.Tolerance32 > Usual ? c.Tolerance32 : Tolerance;
        OpCaseTests.Close(y, gpuY, tolerance, $"{c.Name}: y");
        for (int k = 0; k < g.Length; k++) if (g[k] is { } expected) OpCaseTests.Close(expected, gpuG[k]!, tolerance, $"{c.Name}: gradient {k}");
        if (TestedGpu.IsReal) return;           // its pool also holds what earlier tests left to be collected
        Assert.Equal(inputs.Length + inputs.Count(static x => x.Gradient is not null), device.Device.Pool.LiveBlocks);
        GC.KeepAlive(inputs);
    }

    [Theory]
    [InlineData(false, false, false, 1)]
    [InlineData(true, true, true, 1)]
    [InlineData(true, false, false, 3)]
    public void Products_are_the_cpus(bool transposeA, bool transposeB, bool accumulate, int batch)
    {
        const int M = 5, N = 7, K = 9;
        Shape shapeA = transposeA ? [batch, K, M] : [batch, M, K], shapeB = transposeB ? [N, K] : [K, N];
        using TestedGpu device = TestedGpu.Open();
        Assert.SkipWhen(device.Device.Blas is null, "cuBLAS was not found beside this GPU");
        Assert.Equal(Product(Device.Cpu), Product(device));

        float[] Product(Device on)
        {
            using Step step = Step.Begin();
            Tensor a = Tensor.Of(Numbers(batch * M * K, 1), shapeA, on), b = Tensor.Of(Numbers(K * N, 2), shapeB, on), c = accumulate ? Tensor.Of(Numbers(batch * M * N, 3), [batch, M, N], on) : Tensor.Empty([batch, M, N], device: on);
            GemmArgs args = new(a, b, c, M, N, K, transposeA, transposeB) { Accumulate = accumulate, Batch = batch, BatchA = M * K, BatchC = M * N };
            if (on is CudaDevice gpu) gpu.Blas!.Gemm(DType.Float32, args);
            else Gemm.Product.Launch(on, DType.Float32, args);
            return c.ToArray<float>();
        }
    }

    [Theory]
    [InlineData(2, 1, 0, 1, 1)]
    [InlineData(2, 2, 1, 1, 2)]
    [InlineData(2, 1, 2, 2, 3)]
    [InlineData(0, 1, 1, 1, 1)]
    public void Convolutions_and_their_gradients_are_the_cpus(int batch, int stride, int padding, int dilation, int groups)
    {
        const int Inputs = 6, Outputs = 42;         // more than a tile of turned weights
        using TestedGpu device = TestedGpu.Open();
        float[][] wanted = Results(Device.Cpu), got = Results(device);
        for (int i = 0; i < wanted.Length; i++) OpCaseTests.Close(Array.ConvertAll(wanted[i], static v => (double)v), Array.ConvertAll(got[i], static v => (double)v), 1e-6, $"result {i}");

        float[][] Results(Device on)
        {
            using Step step = Step.Begin();
            Tensor x = Of([batch, 9, 8, Inputs], 1, true), weight = Of([3, 3, Inputs / groups, Outputs], 2, true), bias = Of([Outputs], 3, false);
            Tensor shifted = x.Conv(weight, bias, [stride], [padding], [dilation], groups), y = x.Conv(weight, null, [stride], [padding], [dilation], groups);
            y.Backward(Of(y.Shape, 4, false));
            return [shifted.ToArray<float>(), y.ToArray<float>(), x.Gradient!.ToArray<float>(), weight.Gradient!.ToArray<float>()];

            Tensor Of(Shape shape, int seed, bool trainable)
            {
                Tensor t = Tensor.Lasting(shape, device: on, trainable: trainable);
                t.Write<float>(Numbers(t.Count, seed));
                return t;
            }
        }
    }

    static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => ((i * 7 + seed * 5) % 11 - 5) / 4f)];
}
