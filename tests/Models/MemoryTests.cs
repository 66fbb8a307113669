using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Models;

public sealed class MemoryTests
{
    /// <summary>500 steps of a plain loop, no tensor disposed: the same live bytes after each, the same peak, nothing left but parameters, gradients and moments.</summary>
    [Fact]
    public void A_plain_training_loop_does_not_grow()
    {
        using CpuDevice device = new(2);
        (ConvNeXt model, ParameterStore store) = ParameterStore.Build(static at => new ConvNeXt(at, new()
        {
            Depths = [1, 1], Dims = [8, 12], Stem = [2, 2], InputChannels = 1, Classes = 3, DropPath = 0.2,
        }, Dcls.Official("gauss", 5, 4)), device);
        using ParameterStore owner = store;
        using AdamW optimizer = new(store.Trainable, 1e-3);
        Tensor images = Tensor.Lasting([4, 8, 8, 1], DType.Float32, device), labels = Tensor.Lasting([4], DType.Int32, device);
        RandomStream random = new(1, 1);
        float[] pixels = new float[images.Count];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = (float)random.NextNormal();
        images.Write<float>(pixels);
        labels.Write<int>([0, 1, 2, 0]);
        long live = 0, peak = 0, reserved = 0;
        int blocks = 0;
        double first = 0, last = 0;
        for (int i = 0; i < 500; i++)
        {
            store.Randomness.Advance();
            using (Step step = Step.Begin())
            {
                Tensor loss = CrossEntropy.Of(model.Forward(images), labels);
                loss.Backward();
                optimizer.Update();
                store.Constrain();
                last = loss.Item();
            }
            if (i == 0) first = last;
            if (i == 2)
            {
                (live, blocks, reserved) = (device.Pool.LiveBytes, device.Pool.LiveBlocks, device.Pool.ReservedBytes);
                device.Pool.ResetPeak();
            }
            if (i == 3) peak = device.Pool.PeakBytes;
            if (i <= 3) continue;
            Assert.Equal((live, blocks, reserved, peak), (device.Pool.LiveBytes, device.Pool.LiveBlocks, device.Pool.ReservedBytes, device.Pool.PeakBytes));
        }
        Assert.True(last < first / 2, $"the loss went from {first} to {last}");
        long parameters = store.Trainable.Sum(static p => (long)p.Tensor.Count * 4);
        long others = live - 4 * parameters - images.Count * 4 - labels.Count * 4;     // value, gradient, two moments
        Assert.InRange(others, 16, 4096);                                               // the random state, the optimizer's coefficients and norms
        GC.KeepAlive(images);
    }

    [Fact]
    public void Evaluation_keeps_nothing_and_its_peak_does_not_grow_with_depth()
    {
        long Peak(int depth)
        {
            using CpuDevice device = new(1);
            (ConvNeXt model, ParameterStore store) = ParameterStore.Build(at => new ConvNeXt(at, new()
            {
                Depths = [depth], Dims = [8], Stem = [2, 2], InputChannels = 1, Classes = 3, KernelSize = 5,
            }), device);
            using ParameterStore owner = store;
            Tensor images = Tensor.Lasting([4, 16, 16, 1], DType.Float32, device);
            long before = device.Pool.LiveBytes;
            device.Pool.ResetPeak();
            using (Tape.Paused())
            using (Step step = Step.Begin()) _ = model.Forward(images).ToDoubles();
            Assert.Equal(before, device.Pool.LiveBytes);
            return device.Pool.PeakBytes - before;
        }
        Assert.Equal(Peak(2), Peak(8));
    }

    /// <summary>Alive at once: the kernel, its gradient, and the three gradients sought.</summary>
    [Fact]
    public void Drawing_and_differentiating_a_kernel_takes_less_than_four_times_its_memory()
    {
        using CpuDevice device = new(2);
        Tensor weight = Tensor.Lasting([26, 1, 768], device: device, trainable: true), position = Tensor.Lasting([2, 26, 1, 768], device: device, trainable: true);
        Tensor sigma = Tensor.Lasting([2, 26, 1, 768], device: device, trainable: true);
        device.Pool.ResetPeak();
        long before = device.Pool.LiveBytes;
        using Step step = Step.Begin();
        Tensor kernel = Interpolation.Gauss.Draw(weight, position, sigma, [23, 23]);
        kernel.Backward(Tensor.Zeros(kernel.Shape, kernel.DType, device));
        Assert.InRange(device.Pool.PeakBytes - before, kernel.Count * 4L, 4 * kernel.Count * 4L);
        GC.KeepAlive((weight, position, sigma));
    }
}
