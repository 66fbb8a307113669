using System.Text;
using MiniTorch.Cuda;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Formulas as a GPU computes them.</summary>
public sealed class FormulaKernelTests
{
    /// <summary>Signed zeros, subnormals, kinks, the ends of the exponential, infinities, and no number.</summary>
    static readonly float[] special = [0, -0f, 1e-42f, -1e-42f, 1.17549435e-38f, 1e-20f, 0.5f, -0.5f, 0.625f, 0.7071f, 1, -1, 2, 3, -3, 4, -4, 5, -5.6f, 17.25f, -17.25f, 87.3f, -87.3f, 88.71f, 88.73f,
        -104, 1e9f, -1e9f, 3e38f, -3e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    public static TheoryData<string> Unary => [.. typeof(Silu).Assembly.GetTypes().Where(static t => t is { IsValueType: true, ContainsGenericParameters: false } && typeof(IUnary).IsAssignableFrom(t))
        .Select(static t => t.FullName!)];

    [Theory, MemberData(nameof(Unary)), Trait("category", TestedGpu.Category)]
    public void Values_and_slopes_have_the_bits_of_the_cpus(string type)
    {
        Type formula = typeof(Silu).Assembly.GetType(type)!;
        RandomStream random = new(21, 0);
        float[] x = [.. special, .. Enumerable.Range(0, 300).Select(_ => (float)(random.NextNormal() * Math.Pow(10, random.NextDouble() * 3 - 1.5)))];
        using CpuDevice cpu = new(1);
        using TestedGpu gpu = TestedGpu.Open();
        (float[] y, float[] dx) = Evaluate(cpu);
        (float[] y2, float[] dx2) = Evaluate(gpu);
        for (int i = 0; i < x.Length; i++)
        {
            Assert.True(y[i].Equals(y2[i]) && float.IsNegative(y[i]) == float.IsNegative(y2[i]) || float.IsNaN(y[i]) && float.IsNaN(y2[i]), $"{type} of {x[i]}: {y2[i]}, on the CPU {y[i]}");
            Assert.True(dx[i].Equals(dx2[i]), $"slope of {type} at {x[i]}: {dx2[i]}, on the CPU {dx[i]}");
        }

        (float[], float[]) Evaluate(Device device)
        {
            using Step step = Step.Begin();
            Tensor at = Tensor.Lasting([x.Length], device: device, trainable: true);
            at.Write<float>(x);
            Tensor value = (Tensor)typeof(Unary<>).MakeGenericType(formula).GetMethod("Of")!.Invoke(null, [at, MiniTorch.Cli.FormulaKernels.Made(formula)])!;
            value.Backward(Tensor.Of([.. x.Select(static (_, i) => i % 7 - 3f)], value.Shape, device));
            return (value.ToArray<float>(), at.Gradient!.ToArray<float>());
        }
    }

    [Fact]
    public void New_constants_need_no_new_kernel()
    {
        FormulaKernel<ValueFormula<Clamp>, int> clamp = Kernel<Clamp>();
        FormulaKernel<ValueFormula<Pow>, int> pow = Kernel<Pow>();
        CudaFunction<int> narrow = clamp.For<float>(new(new(-1, 2)), out FormulaConstants constants);
        Assert.Equal([-1f, 2f, 0f], [.. ((ReadOnlySpan<uint>)constants)[..3].ToArray().Select(BitConverter.UInt32BitsToSingle)]);
        Assert.Same(narrow, clamp.For<float>(new(new(-100, 7.5)), out constants));
        Assert.Equal([-100f, 7.5f, 0f], [.. ((ReadOnlySpan<uint>)constants)[..3].ToArray().Select(BitConverter.UInt32BitsToSingle)]);
        Assert.Same(pow.For<float>(new(new(2.5)), out _), pow.For<float>(new(new(0.3)), out _));
        Assert.NotSame(pow.For<float>(new(new(2)), out _), pow.For<float>(new(new(3)), out _));
    }

    [Fact]
    public void Constants_of_a_formula_without_fields_stand_in_the_text()
    {
        CudaFunction<int> relu = Kernel<Relu>().For<float>(default, out _), clamp = Kernel<Clamp>().For<float>(new(new(0, 1)), out _);
        string text = Text(relu);
        Assert.Matches(@"max\.NaN\.f32 \t%value1, %f\d+, 0f00000000;", text);
        Assert.DoesNotContain("%given", text);
        Assert.Contains("ld.param.b32 \t%given1, [flat1_test_param_0+4];", Text(clamp));
        Assert.Equal(text, Text(Kernel<Relu>().For<float>(default, out _)));

        static string Text(CudaFunction function) => Encoding.UTF8.GetString(function.Module.Read());
    }

    static FormulaKernel<ValueFormula<F>, int> Kernel<F>() where F : unmanaged, IUnary => new(typeof(CudaDevice), "Flat", "flat1", "test");
}
