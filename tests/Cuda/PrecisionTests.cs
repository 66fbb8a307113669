using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Products of large sums on a GPU are those of float32: cuDNN and cuBLAS would round operands to TF32, 10 bits and a relative error of 3e-4, if they were let.</summary>
[Trait("category", TestedGpu.Category)]
public sealed class PrecisionTests
{
    const double Tolerance = 1e-5;

    /// <summary>Sums of 4608 products in the result and 1152 in the gradient of x, 1568 in that of the weight.</summary>
    [Fact]
    public void A_large_convolution_and_its_gradients_are_not_rounded()
        => Agree(2 * 28 * 28 * 128, static (x, w) => x.Conv(w, padding: [1]), [2, 28, 28, 512], [3, 3, 512, 128]);

    [Fact]
    public void A_large_product_and_its_gradients_are_not_rounded() => Agree(300 * 1000, static (x, w) => x.Linear(w), [300, 2000], [2000, 1000]);

    static void Agree(int results, Func<Tensor, Tensor, Tensor> product, Shape x, Shape weight)
    {
        RandomStream random = new(41, 0);
        float[][] values = [Normal((int)x.Count), Normal((int)weight.Count), Normal(results)];
        using CpuDevice cpu = new();
        using TestedGpu gpu = TestedGpu.Open();
        double[][] expected = Run(cpu, DType.Float64), actual = Run(gpu, DType.Float32);
        foreach ((string name, double[] e, double[] a) in new[] { "y", "gradient of x", "gradient of the weight" }.Zip(expected, actual))
        {
            double error = Math.Sqrt(e.Zip(a, static (p, q) => (p - q) * (p - q)).Sum() / e.Sum(static p => p * p));
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: relative error {error:e2}");
            Assert.True(error < Tolerance, $"{name}: relative error {error:e2}");
        }

        double[][] Run(Device device, DType type)
        {
            using Step step = Step.Begin();
            Tensor at = Of(x, values[0]), w = Of(weight, values[1]), y = product(at, w);
            y.Backward(Of(y.Shape, values[2]));
            double[][] found = [y.ToDoubles(), at.Gradient!.ToDoubles(), w.Gradient!.ToDoubles()];
            at.Free();
            w.Free();
            return found;

            Tensor Of(Shape shape, float[] numbers)
            {
                Tensor t = ReferenceEquals(numbers, values[2]) ? Tensor.Empty(shape, type, device) : Tensor.Lasting(shape, type, device, trainable: true);
                t.WriteDoubles(Array.ConvertAll(numbers, static v => (double)v));
                return t;
            }
        }

        float[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextNormal())];
    }
}
