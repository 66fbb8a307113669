using MiniTorch.Tests.Cuda;

namespace MiniTorch.Tests.Parity;

/// <summary>Parity with the reference files: each file once in float64 and once in float32.</summary>
[Trait("category", "golden")]
public sealed class GoldenTests
{
    /// <summary>A folder that replaces tests/Golden for a run.</summary>
    const string Variable = "MINITORCH_GOLDEN";

    static readonly string folder = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Path.Combine(AppContext.BaseDirectory, "Golden");

    static readonly Dictionary<string, Action<GoldenCase>> checks = typeof(GoldenTests).Assembly.GetTypes()
        .Where(static t => t is { IsClass: true } && typeof(IGoldenChecks).IsAssignableFrom(t))
        .SelectMany(static t => (IEnumerable<(string Kind, Action<GoldenCase> Check)>)t.GetProperty(nameof(IGoldenChecks.All))!.GetValue(null)!)
        .ToDictionary(static c => c.Kind, static c => c.Check);

    public static TheoryData<string, DType> Files
    {
        get
        {
            TheoryData<string, DType> data = [];
            foreach (string path in Directory.GetFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
                foreach (DType type in (ReadOnlySpan<DType>)[DType.Float64, DType.Float32]) data.Add(Path.GetFileNameWithoutExtension(path), type);
            return data;
        }
    }

    /// <summary>The names alone: a GPU computes in float32, or in bf16.</summary>
    public static TheoryData<string> Names => [.. Directory.GetFiles(folder, "*.safetensors").Order(StringComparer.Ordinal).Select(static path => Path.GetFileNameWithoutExtension(path))];

    [Theory, MemberData(nameof(Files))]
    public void Matches_the_reference(string name, DType type)
    {
        using CpuDevice device = new(2);
        Compare(name, type, device);
    }

    [Theory, MemberData(nameof(Names)), Trait("category", TestedGpu.Category)]
    public void Matches_the_reference_on_a_gpu(string name)
    {
        using TestedGpu device = TestedGpu.Open();
        Compare(name, DType.Float32, device);
    }

    /// <summary>The ops that compute in bf16: all but what is for float32 alone.</summary>
    public static TheoryData<string> BrainNames => [.. Names.Select(static row => row.Data).Where(static n => n.StartsWith("prim", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(BrainNames)), Trait("category", TestedGpu.Category)]
    public void Matches_the_reference_in_bf16(string name)
    {
        using TestedGpu device = TestedGpu.Open();
        Compare(name, DType.BFloat16, device);
    }

    /// <summary>Layers and networks, in mixed precision: all but what is for float32 alone.</summary>
    public static TheoryData<string> MixedNames => [.. Names.Select(static row => row.Data).Where(static n => n.StartsWith("dcls", StringComparison.Ordinal) || n.StartsWith("model", StringComparison.Ordinal) || n.StartsWith("convnext", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(MixedNames)), Trait("category", TestedGpu.Category)]
    public void Matches_the_reference_in_mixed_precision(string name)
    {
        using TestedGpu device = TestedGpu.Open();
        Compare(name, DType.Float32, device, mixed: true);
    }

    static void Compare(string name, DType type, Device device, bool mixed = false)
    {
        GoldenCase c = new(Path.Combine(folder, name + ".safetensors"), type, device) { Mixed = mixed };
        string kind = c.Text("op");
        foreach (string key in (ReadOnlySpan<string>)["model", "module", "construct", "schedule", "optimizer"])
            if (c.Has(key))
            {
                kind += " " + c.Text(key);
                break;
            }
        Assert.True(checks.TryGetValue(kind, out Action<GoldenCase>? check), $"{name}: no check for the family '{kind}' in this version");
        using (Step step = Step.Begin()) check!(c);
        c.Finish();
    }
}
