using System.Diagnostics.CodeAnalysis;
using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// DCLS on images [n, h, w, in] with positions along the last axis only: each row of the kernel has kernelCount taps of its own, which move along the width. The
/// learning axis of spectrograms and of delays. Stride and padding name both axes. Parameters: weight [count, dense, in/g, out], P and SIG [1, count, dense, in/g, out];
/// positions start uniform over the window. With <see cref="Convention.Official"/> the smallest Gaussian width is 1.0, as in the official package, else 0.27.
/// </summary>
[SuppressMessage("Naming", "CA1707", Justification = "the official name")]
public sealed class Dcls2_1d : Dcls
{
    /// <summary>Declares the layer; the official file's constants DCK.IDX and DCK.lim are passed over.</summary>
    public Dcls2_1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis denseKernelSize, PerAxis dilatedKernelSize, PerAxis? stride = null,
        PerAxis padding = default, int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, DclsOptions? options = null)
        : base(at, new("Dcls2_1d", inputs, outputs, kernelCount, denseKernelSize.For(1), dilatedKernelSize.For(1), (stride ?? 1).For(2), padding.For(2), groups, bias, mode),
            version, options, spread: true)
    {
        at["DCK"].Ignore("IDX");
        at["DCK"].Ignore("lim");
    }
}

/// <summary>
/// DCLS on volumes [n, d, h, w, in] with positions along the last axis only: each cell of the first two kernel axes has kernelCount taps of its own, which move along
/// the last. For video or spikes with time last: dense in space, learned in time. Parameters as in <see cref="Dcls2_1d"/> with two dense axes.
/// </summary>
[SuppressMessage("Naming", "CA1707", Justification = "the official name")]
public sealed class Dcls3_1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis denseKernelSize, PerAxis dilatedKernelSize, PerAxis? stride = null,
    PerAxis padding = default, int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("Dcls3_1d", inputs, outputs, kernelCount, denseKernelSize.For(2), dilatedKernelSize.For(1), (stride ?? 1).For(3), padding.For(3), groups, bias, mode),
        version, options, spread: true);

/// <summary>
/// DCLS on images [n, h, w, in] with a flat kernel: a one-dimensional window that lies along the height (flatDim 0: s×1) or the width (flatDim 1: 1×s). The official
/// README says the opposite of its code; this follows the code. Parameters as in <see cref="Dcls1d"/>; the version is v1 unless another is given.
/// </summary>
public sealed class Dcls2dK1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, int flatDim = 0, DclsOptions? options = null)
    : Dcls(at, new("Dcls2dK1d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(1), (stride ?? 1).For(2), padding.For(2), groups, bias, mode,
        FlatDim: flatDim is 0 or 1 ? flatDim : throw new TensorException($"Dcls2dK1d: flatDim is 0 (s×1) or 1 (1×s), got {flatDim}")), version ?? Interpolation.Triangle, options);
