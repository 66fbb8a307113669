using MiniTorch.Models;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Taps;

/// <summary>A layer with its parameters and an input, drawn from a number, which is all that is needed to have the same case again.</summary>
public sealed record LayerCase(string Form, TapSet Taps, int Groups, int[] Stride, int[] Padding, PaddingMode Mode, int FlatDim, int Batch, int[] Spatial, int Number)
{
    public static string[] Forms { get; } = ["Dcls1d", "Dcls2d", "Dcls3d", "Dcls2_1d", "Dcls3_1d", "Dcls2dK1d"];

    public static string[] Versions { get; } = ["v0", "v1", "max", "gauss"];

    public double[]? Bias { get; init; }
    public double[] X { get; init; } = [];

    public int Channels => Taps.Inputs * Groups;

    /// <summary>Sizes of the kernel that the input is convolved with.</summary>
    public int[] KernelSize => Form != "Dcls2dK1d" ? [.. Taps.Dense, .. Taps.Size] : FlatDim == 0 ? [Taps.Size[0], 1] : [1, Taps.Size[0]];

    public static LayerCase Draw(string form, string version, int number)
    {
        RandomStream random = new(20, (uint)number, (ulong)(100 * Array.IndexOf(Forms, form) + Array.IndexOf(Versions, version)));
        int learned = form is "Dcls2d" ? 2 : form is "Dcls3d" ? 3 : 1, rank = form is "Dcls1d" ? 1 : form is "Dcls3d" or "Dcls3_1d" ? 3 : 2;
        bool many = random.NextInt(12) == 0, large = !many && random.NextInt(5) == 0;
        int most = many ? 2 : learned == 1 ? (large ? 63 : 9) : learned == 2 ? (large ? 31 : 6) : large ? 7 : 4;
        int[] size = Each(learned, () => 1 + random.NextInt(most)), dense = Each(form is "Dcls2_1d" ? 1 : form is "Dcls3_1d" ? 2 : 0, () => 1 + random.NextInt(3));
        if (large) size[0] = most - random.NextInt(3);
        if (random.NextInt(2) == 0) Array.Fill(size, size[0]);
        (int groups, int inputs, int outputs) = (many || large ? 2 : random.NextInt(3)) switch
        {
            0 => (1, 1 + random.NextInt(4), 1 + random.NextInt(4)),
            1 => (2 + random.NextInt(2), 1 + random.NextInt(2), 1 + random.NextInt(3)),
            _ => (1 + random.NextInt(many || large ? 2 : 9), 1, 1),     // depthwise
        };
        Convention convention = random.NextInt(2) == 0 ? Convention.Official : Convention.Centered;
        TapSet taps = new(version, convention, dense, size, many ? 200 + random.NextInt(1801) : 1 + random.NextInt(large ? 3 : 12), inputs, outputs * groups);
        PaddingMode mode = (PaddingMode)random.NextInt(4);
        LayerCase c = new(form, taps.Scattered(random), groups, Each(rank, () => 1 + random.NextInt(3)), Each(rank, () => random.NextInt(most / 2 + 2)), mode, random.NextInt(2),
            1 + random.NextInt(2), new int[rank], number);
        for (int axis = 0; axis < rank; axis++)
        {
            int padding = c.Padding[axis], least = mode switch { PaddingMode.Reflect => padding + 1, PaddingMode.Circular => padding, _ => 1 };
            c.Spatial[axis] = Math.Max(Math.Max(1, least), c.KernelSize[axis] - 2 * padding) + random.NextInt(4);
        }
        return c with
        {
            Bias = random.NextInt(2) == 0 ? null : Values(taps.Outputs),
            X = Values(c.Batch * NaiveConvolution.Count(c.Spatial) * c.Channels),
        };

        double[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => TapSet.Grid(random.NextNormal()))];

        static int[] Each(int count, Func<int> value) => [.. Enumerable.Range(0, count).Select(_ => value())];
    }

    /// <summary>Declares the layer, in the way its users do.</summary>
    public Dcls Declare(ParameterScope at, DclsOptions? options = null)
    {
        options = (options ?? new()) with { Convention = Taps.Convention };
        (int inputs, int outputs, int count, PerAxis size, PerAxis stride, PerAxis padding) =
            (Channels, Taps.Outputs, Taps.Count, PerAxis.Create(Taps.Size), PerAxis.Create(Stride), PerAxis.Create(Padding));
        (Interpolation version, bool bias) = (Taps.Interpolation, Bias is not null);
        return Form switch
        {
            "Dcls1d" => new Dcls1d(at, inputs, outputs, count, size, stride, padding, Groups, bias, Mode, version, options),
            "Dcls2d" => new Dcls2d(at, inputs, outputs, count, size, stride, padding, Groups, bias, Mode, version, options),
            "Dcls3d" => new Dcls3d(at, inputs, outputs, count, size, stride, padding, Groups, bias, Mode, version, options),
            "Dcls2_1d" => new Dcls2_1d(at, inputs, outputs, count, PerAxis.Create(Taps.Dense), size, stride, padding, Groups, bias, Mode, version, options),
            "Dcls3_1d" => new Dcls3_1d(at, inputs, outputs, count, PerAxis.Create(Taps.Dense), size, stride, padding, Groups, bias, Mode, version, options),
            _ => new Dcls2dK1d(at, inputs, outputs, count, size, stride, padding, Groups, bias, Mode, version, FlatDim, options),
        };
    }

    /// <summary>The layer with this case's parameters.</summary>
    public (Dcls Layer, ParameterStore Store) Build(Device device, DType type = DType.Float64, DclsOptions? options = null)
    {
        (Dcls layer, ParameterStore store) = ParameterStore.Build(at => Declare(at["dcls"], options), device, type);
        store["dcls.weight"].WriteDoubles(Taps.Weight);
        store["dcls.P"].WriteDoubles(Taps.Position);
        if (Taps.Sigma is not null) store["dcls.SIG"].WriteDoubles(Taps.Sigma);
        if (Bias is not null) store["dcls.bias"].WriteDoubles(Bias);
        return (layer, store);
    }

    /// <summary>The input [n, *spatial, channels].</summary>
    public Tensor Input(Device device, DType type = DType.Float64, bool trainable = false)
    {
        Tensor x = Tensor.Lasting([Batch, .. Spatial, Channels], type, device, trainable);
        x.WriteDoubles(X);
        return x;
    }

    /// <summary>The output by the definition, with this kernel or the one the taps draw.</summary>
    public double[] Reference(double[]? kernel = null)
        => NaiveConvolution.Of(X, Batch, Spatial, Channels, kernel ?? NaiveDcls.Kernel(Taps), KernelSize, Taps.Outputs, Bias, Stride, Padding, Groups, Mode);

    public override string ToString() => $"case {Number}: {Form} {Taps}, {Groups} groups, stride {string.Join('×', Stride)}, padding {string.Join('×', Padding)} {Mode}, "
        + $"{(Bias is null ? "no bias" : "bias")}, flat {FlatDim}, on {Batch}·{string.Join('×', Spatial)}";
}
