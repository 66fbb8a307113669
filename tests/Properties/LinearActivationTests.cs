using MiniTorch.Ops;

namespace MiniTorch.Tests.Properties;

/// <summary>A linear layer and its activation in one pass against the two ops one after the other.</summary>
public sealed class LinearActivationTests
{
    /// <summary>Rows, inputs and outputs that take each way a product has: vectors, few of them, slices of K, blocks narrow and wide, several depths, results past the caches.</summary>
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 130, 300 }, { 41, 23, 1 }, { 130, 64, 3 }, { 5, 130, 40 }, { 19, 2500, 35 }, { 67, 450, 97 }, { 392, 96, 384 }, { 700, 230, 100 }, { 1500, 16, 4200 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Gelu_is_that_of_both_ops_apart(int rows, int inputs, int outputs)
    {
        foreach (int bits in (ReadOnlySpan<int>)[128, 256, 512])
            Compare<Gelu>(rows, inputs, outputs, bits, static (x, w, b) => x.Linear(w, b).Gelu());
    }

    [Theory, MemberData(nameof(Shapes))]
    public void So_is_a_formula_whose_slope_comes_from_the_output(int rows, int inputs, int outputs)
        => Compare<Sigmoid>(rows, inputs, outputs, Simd.Default.Bits, static (x, w, b) => x.Linear(w, b).Sigmoid());

    /// <summary>Alive at once while recording: h and y; else y alone.</summary>
    [Fact]
    public void Without_recording_there_is_no_second_tensor()
    {
        using CpuDevice device = new(2);
        Tensor[] operands = Operands(64, 32, 4096, device);
        long bytes = 64 * 4096 * 4, before = device.Pool.LiveBytes;
        using (Tape.Paused())
        using (Step evaluation = Step.Begin())
        {
            device.Pool.ResetPeak();
            _ = operands[0].LinearGelu(operands[1], operands[2]);
            Assert.InRange(device.Pool.PeakBytes - before, bytes, 2 * bytes - 1);       // y, and B as the product packs it
        }
        using Step step = Step.Begin();
        Tensor y = operands[0].LinearGelu(operands[1], operands[2]);
        Assert.Equal(2 * bytes, device.Pool.LiveBytes - before);
        y.Backward(Tensor.Zeros(y.Shape, y.DType, device));
        GC.KeepAlive(operands);
    }

    static void Compare<F>(int rows, int inputs, int outputs, int bits, Func<Tensor, Tensor, Tensor, Tensor> apart) where F : unmanaged, IUnary
    {
        const float Rounding = 2e-6f;
        using CpuDevice one = new(1, new(bits)), three = new(3, new(bits));
        float[][] fused = Run(one, static (x, w, b) => x.LinearActivation<F>(w, b));
        float[][] expected = Run(one, apart), again = Run(three, static (x, w, b) => x.LinearActivation<F>(w, b));
        for (int i = 0; i < fused.Length; i++)
        {
            Assert.Equal(fused[i], again[i]);
            float scale = expected[i].Max(MathF.Abs);
            for (int e = 0; e < expected[i].Length; e++)
                Assert.True(MathF.Abs(fused[i][e] - expected[i][e]) <= Rounding * scale, $"{rows}x{inputs}x{outputs} at {bits}: result {i}[{e}] is {fused[i][e]}, expected {expected[i][e]}");
        }

        float[][] Run(CpuDevice device, Func<Tensor, Tensor, Tensor, Tensor> run)
        {
            Tensor[] operands = Operands(rows, inputs, outputs, device);
            using Step step = Step.Begin();
            float[] inference;
            using (Tape.Paused()) inference = run(operands[0], operands[1], operands[2]).ToArray<float>();
            Tensor y = run(operands[0], operands[1], operands[2]), dy = Tensor.Like(y);
            dy.WriteDoubles(Draw(rows * outputs, 9));
            float[] value = y.ToArray<float>();
            Assert.Equal(inference, value);
            y.Backward(dy);
            return [value, .. operands.Select(static t => t.Gradient!.ToArray<float>())];
        }
    }

    static Tensor[] Operands(int rows, int inputs, int outputs, CpuDevice device)
    {
        Tensor[] operands = [.. new Shape[] { [rows, inputs], [inputs, outputs], [outputs] }.Select(s => Tensor.Lasting(s, device: device, trainable: true))];
        for (int i = 0; i < operands.Length; i++) operands[i].WriteDoubles(Draw(operands[i].Count, (uint)i));
        return operands;
    }

    static double[] Draw(int count, uint stream)
    {
        RandomStream random = new(3, stream);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) values[i] = random.NextDouble() - 0.5;
        return values;
    }
}
