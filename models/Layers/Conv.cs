using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Convolution (cross-correlation) of x [n, *spatial, in]. Parameters: weight [*kernel, in/groups, out] (in files (out, in/groups, *kernel)), bias [out]; PyTorch's
/// initial values unless others are given. The number of spatial axes is that of the subclass.
/// </summary>
public abstract class Conv : ILayer
{
    readonly Tensor weight;
    readonly Tensor? bias;
    readonly int[] stride, padding, dilation;
    readonly int groups;
    readonly PaddingMode mode;
    readonly string path, kind;

    private protected Conv(int rank, ParameterScope at, int inputs, int outputs, PerAxis kernel, PerAxis stride, PerAxis padding, PerAxis dilation, int groups, bool bias,
        PaddingMode mode, Init? weightInit, Init? biasInit)
    {
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0) throw new TensorException($"Conv: {inputs} inputs and {outputs} outputs must be multiples of {groups} groups");
        int[] size = kernel.For(rank);
        int fanIn = size.Aggregate(inputs / groups, static (product, s) => product * s);
        (this.stride, this.padding, this.dilation, this.groups, this.mode) = (stride.For(rank), padding.For(rank), dilation.For(rank), groups, mode);
        weight = at.Parameter("weight", [.. size, inputs / groups, outputs], weightInit ?? Inits.FanIn(fanIn), AxisOrder.Kernel);
        this.bias = bias ? at.Parameter("bias", [outputs], biasInit ?? Inits.FanIn(fanIn)) : null;
        path = at.Path;
        kind = $"Conv{rank}d {string.Join('×', size)} {inputs} → {outputs}" + (groups > 1 ? $" in {groups} groups" : "");
    }

    /// <summary>The kernel [*kernel, in/groups, out] and the bias.</summary>
    internal (Tensor Weight, Tensor? Bias) Parameters => (weight, bias);

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(path);
        Tensor y = Apply(x, weight.For(x), bias?.For(x), stride, padding, dilation, groups, mode);
        return Trace.Report(y, path, kind, weight.Count + (bias?.Count ?? 0), (long)y.Count / weight.Shape[^1] * weight.Count, Touching(x, y, weight, stride, padding, dilation, mode));
    }

    /// <summary>Multiply-accumulates that touch x: on each axis the taps of all results that are not in a padding of zeros.</summary>
    internal static long Touching(Tensor x, Tensor y, Tensor weight, int[] stride, int[] padding, int[] dilation, PaddingMode mode)
    {
        long touching = (long)x.Shape[0] * weight.Shape[^2] * weight.Shape[^1];
        for (int axis = 0; axis < stride.Length; axis++)
        {
            int kernel = weight.Shape[axis], extent = x.Shape[1 + axis], hop = dilation.Length == 0 ? 1 : dilation[axis], inside = 0;
            for (int o = 0; o < y.Shape[1 + axis]; o++)
                for (int k = 0; k < kernel; k++)
                    if (mode != PaddingMode.Zeros || (uint)(o * stride[axis] - padding[axis] + k * hop) < (uint)extent) inside++;
            touching *= inside;
        }
        return touching;
    }

    /// <summary>A convolution with any padding mode: zeros are part of the convolution, the other modes pad first.</summary>
    internal static Tensor Apply(Tensor x, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups, PaddingMode mode)
        => mode == PaddingMode.Zeros
            ? x.Conv(weight, bias, stride, padding, dilation, groups)
            : x.PadSpatial(mode, padding).Conv(weight, bias, stride, new int[padding.Length], dilation, groups);
}

/// <summary>Convolution of sequences [n, l, in].</summary>
public sealed class Conv1d(ParameterScope at, int inputs, int outputs, PerAxis kernel, PerAxis? stride = null, PerAxis padding = default, PerAxis? dilation = null,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Init? weightInit = null, Init? biasInit = null)
    : Conv(1, at, inputs, outputs, kernel, stride ?? 1, padding, dilation ?? 1, groups, bias, mode, weightInit, biasInit);

/// <summary>Convolution of images [n, h, w, in].</summary>
public sealed class Conv2d(ParameterScope at, int inputs, int outputs, PerAxis kernel, PerAxis? stride = null, PerAxis padding = default, PerAxis? dilation = null,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Init? weightInit = null, Init? biasInit = null)
    : Conv(2, at, inputs, outputs, kernel, stride ?? 1, padding, dilation ?? 1, groups, bias, mode, weightInit, biasInit)
{
    /// <summary>The plain depthwise convolution.</summary>
    public static Depthwise Depthwise { get; } = static (at, channels, kernelSize, bias, weightInit, biasInit)
        => new Conv2d(at, channels, channels, kernelSize, padding: kernelSize / 2, groups: channels, bias: bias, weightInit: weightInit, biasInit: biasInit);
}

/// <summary>Convolution of volumes [n, d, h, w, in].</summary>
public sealed class Conv3d(ParameterScope at, int inputs, int outputs, PerAxis kernel, PerAxis? stride = null, PerAxis padding = default, PerAxis? dilation = null,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Init? weightInit = null, Init? biasInit = null)
    : Conv(3, at, inputs, outputs, kernel, stride ?? 1, padding, dilation ?? 1, groups, bias, mode, weightInit, biasInit);
