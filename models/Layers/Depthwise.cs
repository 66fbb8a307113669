namespace MiniTorch.Models;

/// <summary>
/// Makes the depthwise convolution of a block: as many outputs as inputs, one group each, stride 1 and as much padding as keeps the size (for odd kernels). Models take
/// theirs from such a factory: <see cref="Conv2d.Depthwise"/> unless another is given, such as <see cref="Dcls.Official"/>.
/// </summary>
/// <param name="at">Where to declare its parameters.</param>
/// <param name="channels">Channels of input and output.</param>
/// <param name="kernelSize">Size of the plain convolution's kernel, both axes.</param>
/// <param name="bias">Whether it has a bias.</param>
/// <param name="weightInit">Initial weights; the layer's own unless given.</param>
/// <param name="biasInit">Initial bias; the layer's own unless given.</param>
public delegate ILayer Depthwise(ParameterScope at, int channels, int kernelSize, bool bias, Init? weightInit, Init? biasInit);
