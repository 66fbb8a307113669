namespace MiniTorch.Tests.Engine;

/// <summary>Elementary functions on lanes against the runtime's double precision, every register width.</summary>
public sealed unsafe class ElementaryTests
{
    public static TheoryData<int> Widths => [128, 256, 512];

    [Theory, MemberData(nameof(Widths))]
    public void Single_precision_is_within_a_few_units(int bits)
    {
        Check(bits, "exp", -87, 88, Math.Exp, relative: 3e-7);
        Check(bits, "log", 1e-30, 10, Math.Log, relative: 3e-7);
        Check(bits, "log", 10, 1e30, Math.Log, relative: 3e-7);
        Check(bits, "erf", -6, 6, Elementary.Erf, relative: 0, absolute: 5e-7);
        Check(bits, "tanh", -10, 10, Math.Tanh, relative: 4e-7);
    }

    [Theory, MemberData(nameof(Widths))]
    public void Special_values_are_those_of_the_runtime(int bits)
    {
        float[] x = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1, -1, 200, -200, 88.7f, 1e-45f];
        Assert.All(x, v =>
        {
            Same(MathF.Exp(v), One(bits, "exp", v), $"exp {v}");
            Same(MathF.Tanh(v), One(bits, "tanh", v), $"tanh {v}");
            if (v != 1e-45f) Same(MathF.Log(v), One(bits, "log", v), $"log {v}");
        });
        Assert.True(float.IsNaN(One(bits, "erf", float.NaN)));
    }

    /// <summary>erf at points tabulated by Abramowitz and Stegun, table 7.1, and in the tail.</summary>
    [Theory]
    [InlineData(0.1, 0.1124629160)]
    [InlineData(0.5, 0.5204998778)]
    [InlineData(1.0, 0.8427007929)]
    [InlineData(1.5, 0.9661051465)]
    [InlineData(2.0, 0.9953222650)]
    [InlineData(3.5, 0.999999256901628)]
    public void Erf_in_double_equals_the_tables(double x, double expected)
    {
        Assert.Equal(expected, Elementary.Erf(x), 5e-11);
        Assert.Equal(-expected, Elementary.Erf(-x), 5e-11);
    }

    static void Same(float expected, float actual, string what)
        => Assert.True(expected.Equals(actual) || Math.Abs(expected - actual) <= 4e-7 * Math.Abs(expected) || Math.Abs(expected) < 2e-38 && Math.Abs(actual) < 2e-38, $"{what}: {actual}, expected {expected}");

    static float One(int bits, string f, float x)
    {
        float* buffer = stackalloc float[16];
        new Span<float>(buffer, 16).Fill(x);
        Apply(bits, f, buffer);
        return buffer[0];
    }

    static void Check(int bits, string f, double low, double high, Func<double, double> exact, double relative, double absolute = 0)
    {
        float* buffer = stackalloc float[16];
        RandomStream random = new(1, 1);
        for (int round = 0; round < 3000; round++)
        {
            float[] x = new float[16];
            for (int i = 0; i < 16; i++) buffer[i] = x[i] = (float)(low + (high - low) * random.NextDouble());
            Apply(bits, f, buffer);
            for (int i = 0; i < bits / 32; i++)
            {
                double expected = exact(x[i]);
                Assert.True(Math.Abs(buffer[i] - expected) <= relative * Math.Abs(expected) + absolute + 1e-38, $"{f}({x[i]:r}) is {buffer[i]:r}, expected {expected:r}");
            }
        }
    }

    static void Apply(int bits, string f, float* x)
    {
        switch (bits)
        {
            case 128: Apply<Lanes128<float>>(f, x); break;
            case 256: Apply<Lanes256<float>>(f, x); break;
            default: Apply<Lanes512<float>>(f, x); break;
        }
    }

    static void Apply<V>(string f, float* x) where V : struct, ILanes<V, float>
    {
        V v = V.Load(x);
        (f switch { "exp" => V.Exp(v), "log" => V.Log(v), "erf" => V.Erf(v), _ => V.Tanh(v) }).Store(x);
    }
}
