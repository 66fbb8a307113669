using BenchmarkDotNet.Attributes;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>Neurons and synapse filters forward and backward on the hidden layers of delay networks for SHD and SSC, beside a plain loop over the neurons of a step.</summary>
public class NeuronBenchmark
{
    static readonly NeuronOptions options = new() { Tau = 1.005 };

    Tensor x = null!, w = null!, dy = null!;
    float[] values = null!, spikes = null!, membrane = null!;

    /// <summary>Steps, batch and neurons.</summary>
    [Params("112x256x256", "131x128x512")]
    public string Shape { get; set; } = "";

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int[] dims = [.. Shape.Split('x').Select(int.Parse)];
        int count = dims.Aggregate(1, static (product, s) => product * s);
        Random random = new(count);
        values = [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 0.5f)];
        (spikes, membrane) = (new float[count], new float[dims[1] * dims[2]]);
        (x, dy, w) = (Tensor.Lasting(MiniTorch.Shape.Create(dims), trainable: true), Tensor.Lasting(MiniTorch.Shape.Create(dims)), Tensor.Lasting([1], trainable: true));
        x.Write<float>(values);
        dy.Write<float>(values);
        w.Fill(0);
    }

    /// <summary>LIF, one pass over x.</summary>
    [Benchmark]
    public void Forward()
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        x.Lif(options);
    }

    /// <summary>LIF, both passes, and the copy of dx into the parameter's own gradient; nobody reads the membranes.</summary>
    [Benchmark]
    public void ForwardAndBackward()
    {
        using Step step = Step.Begin();
        x.GradientFilled = false;
        x.Lif(options).Spikes.Backward(dy);
    }

    /// <summary>PLIF, the same.</summary>
    [Benchmark]
    public void LearnedForwardAndBackward()
    {
        using Step step = Step.Begin();
        x.GradientFilled = w.GradientFilled = false;
        x.Plif(w, options).Spikes.Backward(dy);
    }

    /// <summary>A synapse filter, the same.</summary>
    [Benchmark]
    public void FilterForwardAndBackward()
    {
        using Step step = Step.Begin();
        x.GradientFilled = w.GradientFilled = false;
        x.SynapseFilter(w).Backward(dy);
    }

    /// <summary>LIF forward as one would write it first; keeps no membranes.</summary>
    [Benchmark(Baseline = true)]
    public void PlainLoop()
    {
        float rate = (float)(1 / options.Tau);
        Array.Clear(membrane);
        for (int at = 0; at < values.Length; at += membrane.Length)
            for (int i = 0; i < membrane.Length; i++)
            {
                float h = membrane[i] - membrane[i] * rate + values[at + i];
                spikes[at + i] = h >= 1 ? 1 : 0;
                membrane[i] = h >= 1 ? 0 : h;
            }
    }
}
