using MiniTorch.Ops;

namespace MiniTorch.Tests.Engine;

public sealed class BFloat16Tests
{
    [Fact]
    public void Every_value_survives_a_single_and_a_double()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            BFloat16 value = BFloat16.FromBits((ushort)bits);
            float single = value;
            Assert.Equal((uint)bits << 16, BitConverter.SingleToUInt32Bits(single));
            if (float.IsNaN(single))
            {
                Assert.Equal(bits | 0x40, ((BFloat16)single).Bits);                // quiet, sign and the rest kept
                Assert.True(float.IsNaN((BFloat16)(double)single));
                continue;
            }
            Assert.Equal(bits, ((BFloat16)single).Bits);
            Assert.Equal(bits, ((BFloat16)(double)single).Bits);
        }
    }

    /// <summary>Between two neighbours the nearer one wins, in the middle the even one, judged by distances in double; beyond the largest, the next power of two stands for infinity.</summary>
    [Fact]
    public void Singles_go_to_the_nearest_and_to_even_in_the_middle()
    {
        RandomStream random = new(3, 0);
        ReadOnlySpan<int> lower = [0, 1, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF];
        for (int upper = 0; upper < 0x7F80; upper++)
        {
            foreach (int low in lower) Check((uint)upper << 16 | (uint)low);
            for (int i = 0; i < 4; i++) Check((uint)upper << 16 | (uint)random.NextInt(0x10000));
        }

        static void Check(uint bits)
        {
            ushort down = (ushort)(bits >> 16), up = (ushort)(down + 1);
            double value = BitConverter.UInt32BitsToSingle(bits), below = value - BitConverter.UInt32BitsToSingle((uint)down << 16);
            double above = (up == 0x7F80 ? Math.ScaleB(1, 128) : BitConverter.UInt32BitsToSingle((uint)up << 16)) - value;
            ushort expected = below < above ? down : above < below ? up : down % 2 == 0 ? down : up;
            Assert.Equal(expected, ((BFloat16)(float)value).Bits);
            Assert.Equal(expected | 0x8000, ((BFloat16)(float)-value).Bits);
            Assert.Equal(expected, ((BFloat16)value).Bits);
        }
    }

    /// <summary>By way of a single in the middle the first would be rounded twice, to 1.</summary>
    [Theory]
    [InlineData(1 + 1.0 / 256 + 1e-12, 0x3F81)]
    [InlineData(1 + 3.0 / 256 - 1e-12, 0x3F81)]
    [InlineData(-1 - 1.0 / 256 - 1e-12, 0xBF81)]
    [InlineData(1e300, 0x7F80)]
    [InlineData(-1e-300, 0x8000)]
    [InlineData(3.3895313892515355e38, 0x7F7F)]
    [InlineData(4.591774807899561e-41, 0x0000)]
    [InlineData(4.6e-41, 0x0001)]
    public void Doubles_are_rounded_once(double value, int bits) => Assert.Equal(bits, ((BFloat16)value).Bits);

    [Fact]
    public void A_cpu_stores_casts_and_differentiates_casts_and_refuses_to_compute()
    {
        using Step step = Step.Begin();
        float[] values = [1, 1.00390625f, 1.01171875f, -3.3e38f, 1e-40f, float.NaN, float.PositiveInfinity];
        Tensor x = Tensor.Lasting([7], trainable: true);
        x.Write<float>(values);
        Tensor y = x.To(DType.BFloat16), back = y.To(DType.Float64);
        Assert.Equal([0x3F80, 0x3F80, 0x3F82, 0xFF78, 0x0001, 0xFFC0, 0x7F80], y.ToArray<BFloat16>().Select(static v => (int)v.Bits).ToArray());
        Assert.Equal(DType.Float64, back.DType);
        back.Backward(Tensor.Of([0.1, 1, 2, 3, 4, 5, 6], [7]));
        Assert.Equal([(float)(BFloat16)0.1, 1, 2, 3, 4, 5, 6], x.Gradient!.ToArray<float>());
        Assert.Same(x, x.To(DType.Float32));
        Tensor filled = Tensor.Lasting([3], DType.BFloat16);
        filled.Fill(0.1);
        Assert.Equal(0.10009765625, filled.ToDoubles()[2]);
        TensorException refused = Assert.Throws<TensorException>(() => y + y);
        Assert.Contains("does not compute in bf16 on cpu; cast to float32 with To(DType.Float32), or use a CUDA device", refused.Message);
        Assert.Contains("asked for i32", Assert.Throws<TensorException>(() => y.To(DType.Int32)).Message);
        Assert.Contains("must share dtype", Assert.Throws<TensorException>(() => x.Linear(Tensor.Zeros([7, 2], DType.BFloat16))).Message);
    }
}
