using BenchmarkDotNet.Attributes;
using MiniTorch.Ops;

namespace MiniTorch.Perf;

/// <summary>Depthwise convolution in each of its forms, 8 images of the maps that ConvNeXt-T has, and the kernel that the estimates choose.</summary>
public class DepthwiseBenchmark
{
    /// <summary>A way to compute.</summary>
    public enum Form
    {
        /// <summary>What the estimates choose.</summary>
        Chosen,
        /// <summary>Sums over the window.</summary>
        Direct,
        /// <summary>Transforms along rows.</summary>
        Rows,
        /// <summary>All products of two rows of seven.</summary>
        Narrow,
    }

    static readonly CpuDevice device = (CpuDevice)Device.Cpu;

    Tensor x = null!, weight = null!, y = null!;
    DepthwiseArgs forward, gradient;

    Form by;

    /// <summary>Channels and the side of the maps, and the form.</summary>
    [ParamsSource(nameof(Works))]
    public string Work { get; set; } = "";

    /// <summary>Side of the kernel.</summary>
    [Params(3, 7, 17, 23)]
    public int Kernel { get; set; }

    /// <summary>Every form of every size of maps; the narrow form takes maps of seven pixels only.</summary>
    public static IEnumerable<string> Works
        => from maps in (IEnumerable<string>)["96x56", "192x28", "384x14", "768x7"] from form in Enum.GetNames<Form>() where form != nameof(Form.Narrow) || maps == "768x7" select $"{maps} {form}";

    /// <summary>Fills the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        string[] words = Work.Split('x', ' ');
        (int channels, int side) = (int.Parse(words[0]), int.Parse(words[1]));
        by = Enum.Parse<Form>(words[2]);
        x = Filled(8, side, side, channels);
        weight = Filled(Kernel, Kernel, 1, channels);
        y = Filled(8, side, side, channels);
        Axis along = new(side, side, Kernel, 1, Kernel / 2, 1);
        forward = new(x, weight, y, default, new Windows(8, channels, Axis.None, along, along), 1);
        gradient = forward with { Weight = Filled(Kernel, Kernel, 1, channels) };
    }

    /// <summary>y.</summary>
    [Benchmark]
    public void Forward()
    {
        if (device.Simd.Bits == 512) Run<Lanes512<float>>();
        else Run<Lanes256<float>>();
    }

    /// <summary>The gradient of the kernel.</summary>
    [Benchmark]
    public void WeightGradient()
    {
        if (device.Simd.Bits == 512) Differentiate<Lanes512<float>>();
        else Differentiate<Lanes256<float>>();
    }

    void Run<V>() where V : struct, ILanes<V, float>
    {
        switch (by)
        {
            case Form.Direct: DepthwiseDirect.Forward<float, V>(device, forward); break;
            case Form.Rows: DepthwiseRows.Forward<float, V>(device, forward); break;
            case Form.Narrow: DepthwiseNarrow.Forward<float, V>(device, forward); break;
            default: DepthwiseForms.Forward.Launch(device, DType.Float32, forward); break;
        }
    }

    void Differentiate<V>() where V : struct, ILanes<V, float>
    {
        switch (by)
        {
            case Form.Direct: DepthwiseDirect.WeightGradient<float, V>(device, gradient); break;
            case Form.Rows: DepthwiseRows.WeightGradient<float, V>(device, gradient); break;
            case Form.Narrow: DepthwiseNarrow.WeightGradient<float, V>(device, gradient); break;
            default: DepthwiseForms.WeightGradient.Launch(device, DType.Float32, gradient); break;
        }
    }

    static Tensor Filled(params ReadOnlySpan<int> shape)
    {
        Tensor t = Tensor.Lasting(Shape.Create(shape));
        Random random = new(shape.Length);
        float[] values = new float[t.Count];
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
        t.Write<float>(values);
        return t;
    }
}
