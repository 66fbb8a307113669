using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Dilated convolution with learnable spacings: a convolution of x [n, *spatial, in] whose kernel is drawn from kernelCount taps a channel pair, each with a weight and a
/// learned position (and, for some versions, width) inside a window of dilatedKernelSize. Parameters: weight [count, in/g, out] (in files (out, in/g, count)), P and SIG
/// [axes, count, in/g, out] (in files (axes, out, in/g, count)), bias [out]. Positions are in pixels from the centre ⌊size/2⌋ and are brought back to ±⌊size/2⌋ after
/// each update. Initial values as in the official package: weight and bias U(±1/√fanIn), P normal of deviation 0.5, SIG 0.23 (gauss) or 0 (max).
/// </summary>
public abstract class Dcls : ILayer
{
    readonly Tensor weight;
    readonly Tensor? bias;
    readonly int[] size, stride, padding, dilation;
    readonly int groups;
    readonly PaddingMode mode;
    readonly Interpolation version;
    readonly string path, kind;

    private protected Dcls(int rank, ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis stride, PerAxis padding, int groups, bool bias,
        PaddingMode mode, Interpolation? version, (Tensor Position, Tensor? Sigma)? shared, Init? weightInit, Init? biasInit, Init? positionInit, Init? sigmaInit)
    {
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0) throw new TensorException($"Dcls: {inputs} inputs and {outputs} outputs must be multiples of {groups} groups");
        if (kernelCount < 1) throw new TensorException($"Dcls: a kernel needs at least one element, got a kernel count of {kernelCount}");
        size = dilatedKernelSize.For(rank);
        this.version = version ?? Interpolation.Gauss;
        (this.stride, this.padding, this.groups, this.mode) = (stride.For(rank), padding.For(rank), groups, mode);
        dilation = ((PerAxis)1).For(rank);
        int fanIn = inputs / groups * kernelCount;
        weight = at.Parameter("weight", [kernelCount, inputs / groups, outputs], weightInit ?? Inits.FanIn(fanIn), AxisOrder.Reversed);
        if (shared is { } given)
        {
            Position = at.Share("P", given.Position);
            Sigma = given.Sigma is null ? null : at.Share("SIG", given.Sigma);
        }
        else
        {
            Shape positions = [rank, kernelCount, inputs / groups, outputs];
            Position = at.Parameter("P", positions, Within(positionInit ?? Inits.Normal(0.5)), AxisOrder.Positions);
            Sigma = this.version.HasSigma ? at.Parameter("SIG", positions, sigmaInit ?? Inits.Constant(this.version.InitialSig), AxisOrder.Positions) : null;
            at.Constrain(Clamp);
        }
        this.bias = bias ? at.Parameter("bias", [outputs], biasInit ?? Inits.FanIn(fanIn)) : null;
        path = at.Path;
        kind = $"Dcls{rank}d {string.Join('×', size)} of {kernelCount} {inputs} → {outputs}, {this.version.Version}" + (groups > 1 ? $", {groups} groups" : "");
    }

    /// <summary>P [axes, count, in/g, out]: positions in pixels from the centre.</summary>
    public Tensor Position { get; }

    /// <summary>SIG [axes, count, in/g, out], or null for versions without a width.</summary>
    public Tensor? Sigma { get; }

    /// <summary>How taps are drawn.</summary>
    public Interpolation Version => version;

    /// <summary>Window of the kernel, one size an axis.</summary>
    public IReadOnlyList<int> DilatedKernelSize => size;

    /// <summary>The dense kernel [*size, in/g, out] as it is now.</summary>
    public Tensor Kernel() => version.Draw(weight, Position, Sigma, size);

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        Tensor kernel = Kernel();
        Tensor y = Conv.Apply(x, kernel, bias, stride, padding, dilation, groups, mode);
        return Trace.Report(y, path, kind, weight.Count + Position.Count + (Sigma?.Count ?? 0) + (bias?.Count ?? 0), (long)y.Count / kernel.Shape[^1] * kernel.Count);
    }

    /// <summary>Brings every position back into its window, row by row: ±⌊size[row]/2⌋, as the official clamp_parameters does.</summary>
    public void Clamp() => Positions.Clamp(Position, size);

    /// <summary>Initial positions, clamped; those of a checkpoint are taken as they are.</summary>
    Init Within(Init init) => (random, positions) =>
    {
        init(random, positions);
        int row = positions.Length / size.Length;
        for (int i = 0; i < positions.Length; i++) positions[i] = Math.Clamp(positions[i], -(size[i / row] / 2), size[i / row] / 2);
    };
}

/// <summary>DCLS on sequences [n, l, in].</summary>
public sealed class Dcls1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, (Tensor Position, Tensor? Sigma)? shared = null,
    Init? weightInit = null, Init? biasInit = null, Init? positionInit = null, Init? sigmaInit = null)
    : Dcls(1, at, inputs, outputs, kernelCount, dilatedKernelSize, stride ?? 1, padding, groups, bias, mode, version, shared, weightInit, biasInit,
        positionInit, sigmaInit);

/// <summary>DCLS on images [n, h, w, in].</summary>
public sealed class Dcls2d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, (Tensor Position, Tensor? Sigma)? shared = null,
    Init? weightInit = null, Init? biasInit = null, Init? positionInit = null, Init? sigmaInit = null)
    : Dcls(2, at, inputs, outputs, kernelCount, dilatedKernelSize, stride ?? 1, padding, groups, bias, mode, version, shared, weightInit, biasInit,
        positionInit, sigmaInit);

/// <summary>DCLS on volumes [n, d, h, w, in].</summary>
public sealed class Dcls3d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, (Tensor Position, Tensor? Sigma)? shared = null,
    Init? weightInit = null, Init? biasInit = null, Init? positionInit = null, Init? sigmaInit = null)
    : Dcls(3, at, inputs, outputs, kernelCount, dilatedKernelSize, stride ?? 1, padding, groups, bias, mode, version, shared, weightInit, biasInit,
        positionInit, sigmaInit);
