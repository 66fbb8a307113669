using BenchmarkDotNet.Attributes;
using MiniTorch.Models;

namespace MiniTorch.Perf;

/// <summary>One update of all 28.6 million parameters of ConvNeXt-T, beside AdamW as a plain loop over as many.</summary>
public class OptimizerBenchmark
{
    ParameterStore store = null!;
    Optimizer optimizer = null!;
    float[] p = null!, g = null!, m = null!, v = null!;

    /// <summary>The optimizer; "AdamW clipped" also measures the norm of all gradients.</summary>
    [Params("Sgd", "AdamW", "AdamW clipped", "Lamb")]
    public string Rule { get; set; } = "";

    /// <summary>Makes parameters, gradients and states.</summary>
    [GlobalSetup]
    public void Setup()
    {
        (_, store) = ParameterStore.Build(static at => new ConvNeXt(at, new()));
        int count = store.Trainable.Sum(static t => t.Tensor.Count);
        foreach ((_, Tensor x) in store.Trainable) x.AddGradient(x);
        optimizer = Rule switch
        {
            "Sgd" => new Sgd(store.Trainable, 1e-6, momentum: 0.9),
            "Lamb" => new Lamb(store.Trainable, 1e-6),
            _ => new AdamW(store.Trainable, 1e-6) { ClipNorm = Rule == "AdamW" ? null : 1 },
        };
        (p, g, m, v) = (new float[count], new float[count], new float[count], new float[count]);
        Array.Fill(g, 0.01f);
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        optimizer.Dispose();
        store.Dispose();
    }

    /// <summary>One update.</summary>
    [Benchmark]
    public void Update()
    {
        foreach ((_, Tensor x) in store.Trainable) x.GradientFilled = true;
        optimizer.Update();
    }

    /// <summary>AdamW as one would write it first.</summary>
    [Benchmark(Baseline = true)]
    public void PlainLoop()
    {
        for (int i = 0; i < p.Length; i++)
        {
            m[i] = 0.9f * m[i] + 0.1f * g[i];
            v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
            p[i] -= 1e-6f * (m[i] / (MathF.Sqrt(v[i]) + 1e-8f) + 0.01f * p[i]);
        }
    }
}
