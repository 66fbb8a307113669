using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// Transposed DCLS on sequences [n, l, in]: the adjoint of <see cref="Dcls1d"/>, for upsampling. Output size (l − 1) · stride − 2 · padding + dilatedKernelSize + outputPadding.
/// Parameters: weight [count, out/g, in] (in files (in, out/g, count)), P and SIG [axes, count, out/g, in], bias [out]: the shapes that the official package gives its
/// transposed construction, which it has no layer for.
/// </summary>
public sealed class DclsTranspose1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    PerAxis outputPadding = default, int groups = 1, bool bias = true, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("DclsTranspose1d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(1), (stride ?? 1).For(1), padding.For(1), groups, bias,
        OutputPadding: outputPadding.For(1)), version, options);

/// <summary>Transposed DCLS on images [n, h, w, in]; see <see cref="DclsTranspose1d"/>.</summary>
public sealed class DclsTranspose2d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    PerAxis outputPadding = default, int groups = 1, bool bias = true, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("DclsTranspose2d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(2), (stride ?? 1).For(2), padding.For(2), groups, bias,
        OutputPadding: outputPadding.For(2)), version, options);

/// <summary>Transposed DCLS on volumes [n, d, h, w, in]; see <see cref="DclsTranspose1d"/>.</summary>
public sealed class DclsTranspose3d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    PerAxis outputPadding = default, int groups = 1, bool bias = true, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("DclsTranspose3d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(3), (stride ?? 1).For(3), padding.For(3), groups, bias,
        OutputPadding: outputPadding.For(3)), version, options);
