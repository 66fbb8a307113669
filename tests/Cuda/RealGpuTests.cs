using MiniTorch.Cuda;
using MiniTorch.Ops;
using MiniTorch.Tests.Cases;
using MiniTorch.Tests.Gradients;

namespace MiniTorch.Tests.Cuda;

/// <summary>What only a GPU can show.</summary>
[Trait(Gpu.Trait, Gpu.Yes)]
public sealed class RealGpuTests
{
    /// <summary>In float32 with multiply-adds, not in tf32, which would be a thousand times further off: 4,608 products a sum, compared with the CPU's float64.</summary>
    [Fact]
    public void Convolutions_of_the_library_keep_single_precision()
    {
        using CudaDevice device = Gpu.OpenReal();
        Assert.SkipWhen(device.Dnn is null, "needs cuDNN");
        using CpuDevice cpu = new();
        (double[] Y, double[] Dx, double[] Dw) exact = Convolved(cpu, DType.Float64), actual = Convolved(device, DType.Float32);
        foreach ((double[] expected, double[] found) in (ReadOnlySpan<(double[], double[])>)[(exact.Y, actual.Y), (exact.Dx, actual.Dx), (exact.Dw, actual.Dw)])
        {
            double scale = expected.Max(Math.Abs), error = expected.Zip(found, static (a, b) => Math.Abs(a - b)).Max() / scale;
            Assert.True(error < 1e-5, $"relative error {error:e1}");
        }

        static (double[], double[], double[]) Convolved(Device on, DType type)
        {
            const int Channels = 512;
            using Step step = Step.Begin();
            RandomStream random = new(17, 0);
            Tensor x = Leaf([2, 14, 14, Channels], 1), w = Leaf([3, 3, Channels, Channels], 0.02);
            Tensor y = x.Conv(w, padding: [1]), dy = Tensor.Like(y);
            dy.WriteDoubles(Normal(dy.Count, 1));
            y.Backward(dy);
            return (y.ToDoubles(), x.Gradient!.ToDoubles(), w.Gradient!.ToDoubles());

            Tensor Leaf(Shape shape, double deviation)
            {
                Tensor t = Tensor.Lasting(shape, type, on, trainable: true);
                t.WriteDoubles(Normal(t.Count, deviation));
                return t;
            }

            double[] Normal(int count, double deviation) => [.. Enumerable.Range(0, count).Select(_ => (double)(float)(deviation * random.NextNormal()))];
        }
    }

    /// <summary>Every kernel that the op cases launch, those with formulas too; files without formulas are loaded by dcls doctor --kernels.</summary>
    [Fact]
    public void No_kernel_spills()
    {
        using CudaDevice device = Gpu.OpenReal();
        foreach (OpCase c in OpCases.ByName.Values)
        {
            Tensor[] inputs = c.Draw(DType.Float32, device);
            OpCaseTests.Differentiate(c, inputs, OpCaseTests.Seed(c, inputs));
        }
        (string Kernel, FunctionAttributes Needs)[] spilling = [.. device.Loaded.Where(static k => k.Needs.LocalBytes > 0)];
        Assert.True(spilling.Length == 0, string.Join(", ", spilling.Select(static k => $"{k.Kernel}: {k.Needs.LocalBytes} bytes, {k.Needs.Registers} registers")));
        Assert.True(device.Loaded.Count > 100, $"{device.Loaded.Count} kernels were launched");
    }

    /// <summary>Time passes as it should between events: a large product takes longer than a small one, and no longer than a second.</summary>
    [Fact]
    public void Events_tell_time()
    {
        using CudaDevice device = Gpu.OpenReal();
        double small = Seconds(256), large = Seconds(4096);
        Assert.InRange(small, 1e-7, 0.1);
        Assert.InRange(large, small, 1);

        double Seconds(int side)
        {
            using Step step = Step.Begin();
            Tensor a = Tensor.Zeros([side, side], device: device), b = Tensor.Zeros([side, side], device: device);
            a.MatMul(b);
            long begin = device.Mark();
            a.MatMul(b);
            return device.Seconds(begin, device.Mark());
        }
    }
}
