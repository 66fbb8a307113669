using BenchmarkDotNet.Attributes;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>GELU forward and backward on the activations of ConvNeXt-T's stages, beside a plain loop with the runtime's own exponential (tanh form).</summary>
public class GeluBenchmark
{
    Tensor x = null!, dy = null!;
    float[] values = null!, result = null!;

    /// <summary>Shape of the activations; the first is larger than a last-level cache.</summary>
    [Params("8x56x56x384", "8x14x14x1536")]
    public string Shape { get; set; } = "";

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int count = Shape.Split('x').Aggregate(1, static (product, s) => product * int.Parse(s));
        Random random = new(count);
        values = [.. Enumerable.Range(0, count).Select(_ => 4 * random.NextSingle() - 2)];
        result = new float[count];
        (x, dy) = (Tensor.Lasting([count], trainable: true), Tensor.Lasting([count]));
        x.Write<float>(values);
        dy.Write<float>(values);
    }

    /// <summary>One pass over x.</summary>
    [Benchmark]
    public void Forward()
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        x.Gelu();
    }

    /// <summary>Both passes, and the copy of dx into the parameter's own gradient.</summary>
    [Benchmark]
    public void ForwardAndBackward()
    {
        using Step step = Step.Begin();
        x.GradientFilled = false;
        x.Gelu().Backward(dy);
    }

    /// <summary>Forward as one would write it first.</summary>
    [Benchmark(Baseline = true)]
    public void PlainLoop()
    {
        for (int i = 0; i < values.Length; i++)
        {
            float v = values[i];
            result[i] = 0.5f * v * (1 + MathF.Tanh(0.7978846f * (v + 0.044715f * v * v * v)));
        }
    }
}
