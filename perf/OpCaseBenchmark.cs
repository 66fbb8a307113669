using BenchmarkDotNet.Attributes;
using MiniTorch.Tests.Cases;

namespace MiniTorch.Perf;

/// <summary>Every operation case of the tests, forward and backward: the overhead of small operations. Large shapes have benchmarks of their own.</summary>
public class OpCaseBenchmark
{
    OpCase op = null!;
    Tensor[] inputs = null!;
    Tensor? seed;

    /// <summary>Names of the cases; <c>--filter</c> and this parameter choose.</summary>
    public static IEnumerable<string> Names => OpCases.ByName.Keys;

    /// <summary>The case.</summary>
    [ParamsSource(nameof(Names))]
    public string Case { get; set; } = "";

    /// <summary>Draws the inputs and a gradient for the output.</summary>
    [GlobalSetup]
    public void Setup()
    {
        op = OpCases.ByName[Case];
        inputs = op.Draw(DType.Float32, Device.Cpu);
        using Step step = Step.Begin();
        Tensor y = op.Run(inputs);
        if (y.Source is not null) seed = Tensor.Lasting(y.Shape);
    }

    /// <summary>The output alone.</summary>
    [Benchmark]
    public void Forward()
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        op.Run(inputs);
    }

    /// <summary>The output and all gradients.</summary>
    [Benchmark]
    public void ForwardAndBackward()
    {
        using Step step = Step.Begin();
        Tensor y = op.Run(inputs);
        if (seed is not null) y.Backward(seed);
    }
}
