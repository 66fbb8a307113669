namespace MiniTorch.Tests.Cases;

/// <summary>One input of a case: uniform values in [Low, High], or indices below High where Index is set, or the Values given.</summary>
public sealed record CaseInput(Shape Shape, double Low = -1, double High = 1)
{
    /// <summary>An Int32 tensor of indices in [0, High).</summary>
    public bool Index { get; init; }

    /// <summary>False for inputs that have no gradient (targets, masks).</summary>
    public bool Differentiable { get; init; } = true;

    /// <summary>Exact values instead of random ones: kinks, ties.</summary>
    public double[]? Values { get; init; }

    public static implicit operator CaseInput(Shape shape) => new(shape);

    public double[] Draw(RandomStream random)
    {
        if (Values is not null) return Values;
        double[] v = new double[Shape.Count];
        for (int i = 0; i < v.Length; i++) v[i] = Index ? random.NextInt((int)High) : Low + (High - Low) * (float)random.NextDouble();
        return v;
    }
}

/// <summary>
/// One operation on concrete inputs. From one list of cases come: gradient check in double, parity of float32 with float64, equality to the last bit for
/// 1, 2 and 8 threads, every register width, no storage left behind, and the benchmarks.
/// </summary>
public sealed record OpCase(string Name, CaseInput[] Inputs, Func<Tensor[], Tensor> Run)
{
    /// <summary>Largest error of float32 against float64, relative to max(0.1, max |reference|).</summary>
    public double Tolerance32 { get; init; } = 1e-4;

    /// <summary>Largest error of the analytic slope against central differences in double.</summary>
    public double GradientTolerance { get; init; } = 1e-7;

    /// <summary>Step of the central differences.</summary>
    public double Epsilon { get; init; } = 1e-5;

    public Tensor[] Draw(DType type, Device device)
    {
        RandomStream random = new(1234, (uint)Name.Length);
        Tensor[] inputs = new Tensor[Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            CaseInput input = Inputs[i];
            inputs[i] = Tensor.Lasting(input.Shape, input.Index ? DType.Int32 : type, device, trainable: input.Differentiable && !input.Index);
            inputs[i].WriteDoubles(input.Draw(random));
        }
        return inputs;
    }

    public override string ToString() => Name;
}

/// <summary>A family of cases; found by looking for implementations, so that adding an op edits no list.</summary>
public interface IOpCases
{
    static abstract IEnumerable<OpCase> All { get; }
}

/// <summary>Every case of every family.</summary>
public static class OpCases
{
    public static IReadOnlyDictionary<string, OpCase> ByName { get; } = typeof(OpCases).Assembly.GetTypes()
        .Where(static t => t is { IsClass: true } && typeof(IOpCases).IsAssignableFrom(t))
        .SelectMany(static t => (IEnumerable<OpCase>)t.GetProperty(nameof(IOpCases.All))!.GetValue(null)!)
        .ToDictionary(static c => c.Name);
}
