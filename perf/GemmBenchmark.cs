using BenchmarkDotNet.Attributes;

namespace MiniTorch.Perf;

/// <summary>
/// Matrix products: the pointwise layers of ConvNeXt-T at a batch of 8 (forward, the gradient dx of the input, the gradient dw of the weight), a square one, a narrow
/// one and the heads of an attention.
/// </summary>
public class GemmBenchmark
{
    Tensor a = null!, b = null!, c = null!;
    GemmArgs args;

    /// <summary>Form and m x k x n, with "* batch" for a batch.</summary>
    [ParamsSource(nameof(Shapes))]
    public string Shape { get; set; } = "";

    /// <summary>The products by name.</summary>
    public static IEnumerable<string> Shapes
    {
        get
        {
            foreach ((int rows, int channels) in new[] { (25088, 96), (6272, 192), (1568, 384), (392, 768) })
                foreach ((int inputs, int outputs) in new[] { (channels, 4 * channels), (4 * channels, channels) })
                {
                    yield return $"forward {rows}x{inputs}x{outputs}";
                    yield return $"dx {rows}x{outputs}x{inputs}";
                    yield return $"dw {inputs}x{rows}x{outputs}";
                }
            yield return "forward 1024x1024x1024";
            yield return "forward 128x384x10";
            yield return "forward 197x64x197 * 96";
        }
    }

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        string[] words = Shape.Split(' ');
        int[] sizes = Array.ConvertAll(words[1].Split('x'), int.Parse);
        (int m, int k, int n, int batch) = (sizes[0], sizes[1], sizes[2], words.Length > 2 ? int.Parse(words[3]) : 1);
        a = Filled(batch * m * k);
        b = Filled(batch * k * n);
        c = Tensor.Lasting([batch * m * n]);
        args = new(a, b, c, m, n, k, TransposeA: words[0] == "dw", TransposeB: words[0] == "dx") { Batch = batch, BatchA = m * k, BatchB = k * n, BatchC = m * n };
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
