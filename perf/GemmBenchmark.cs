using BenchmarkDotNet.Attributes;

namespace MiniTorch.Perf;

/// <summary>Matrix products of the shapes that networks have: square, tall (activations by weights), weight gradients with transposed operands.</summary>
public class GemmBenchmark
{
    Tensor a = null!, b = null!, c = null!;
    GemmArgs args;

    /// <summary>m × k × n, and T where A is stored transposed.</summary>
    [Params("1024x1024x1024", "12544x64x256", "12544x256x64", "256x12544x64T", "128x384x10")]
    public string Shape { get; set; } = "";

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int[] sizes = Array.ConvertAll(Shape.TrimEnd('T').Split('x'), int.Parse);
        a = Filled(sizes[0] * sizes[1]);
        b = Filled(sizes[1] * sizes[2]);
        c = Tensor.Lasting([sizes[0] * sizes[2]]);
        args = new(a, b, c, sizes[0], sizes[2], sizes[1], TransposeA: Shape.EndsWith('T'));
    }

    /// <summary>One product.</summary>
    [Benchmark]
    public void Product() => Gemm.Product.Launch(Device.Cpu, DType.Float32, args);

    static Tensor Filled(int count)
    {
        Tensor x = Tensor.Lasting([count]);
        Random random = new(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = random.NextSingle() - 0.5f;
        x.Write<float>(values);
        return x;
    }
}
