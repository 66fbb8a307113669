using BenchmarkDotNet.Attributes;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>Layer norm forward and backward on the maps of ConvNeXt-T's stages, beside a plain loop.</summary>
public class LayerNormBenchmark
{
    const float Epsilon = 1e-6f;

    Tensor x = null!, gamma = null!, beta = null!, dy = null!;
    float[] values = null!, result = null!;

    /// <summary>Channels and rows.</summary>
    [Params("25088x96", "6272x192", "1568x384", "392x768")]
    public string Shape { get; set; } = "";

    int Channels => int.Parse(Shape.Split('x')[1]);

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int rows = int.Parse(Shape.Split('x')[0]), count = rows * Channels;
        Random random = new(count);
        values = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
        result = new float[count];
        (x, dy) = (Tensor.Lasting([rows, Channels], trainable: true), Tensor.Lasting([rows, Channels]));
        (gamma, beta) = (Tensor.Lasting([Channels], trainable: true), Tensor.Lasting([Channels], trainable: true));
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[x, dy, gamma, beta]) t.Write<float>(values.AsSpan(0, t.Count));
    }

    /// <summary>One pass over x.</summary>
    [Benchmark]
    public void Forward()
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        x.LayerNorm(gamma, beta, Epsilon);
    }

    /// <summary>Both passes, and the copy of dx into the parameter's own gradient.</summary>
    [Benchmark]
    public void ForwardAndBackward()
    {
        using Step step = Step.Begin();
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[x, gamma, beta]) t.GradientFilled = false;
        x.LayerNorm(gamma, beta, Epsilon).Backward(dy);
    }

    /// <summary>Forward as one would write it first, without scale and shift.</summary>
    [Benchmark(Baseline = true)]
    public void PlainLoop()
    {
        int c = Channels;
        for (int at = 0; at < values.Length; at += c)
        {
            float mean = 0, variance = 0;
            for (int i = 0; i < c; i++) mean += values[at + i];
            mean /= c;
            for (int i = 0; i < c; i++) variance += (values[at + i] - mean) * (values[at + i] - mean);
            float inverse = 1 / MathF.Sqrt(variance / c + Epsilon);
            for (int i = 0; i < c; i++) result[at + i] = (values[at + i] - mean) * inverse;
        }
    }
}
