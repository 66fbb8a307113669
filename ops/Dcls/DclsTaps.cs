namespace MiniTorch.Ops;

/// <summary>What a kernel is drawn from.</summary>
/// <param name="Weight">[count, *dense, in/g, out]. The dense axes, whose cells have taps of their own, are those that it has.</param>
/// <param name="Position">P [axes, count, *dense, in/g, out], in pixels from the centre. Which axis a row drives is <see cref="IBump.Axis"/>.</param>
/// <param name="Sigma">SIG of the shape of P, for the versions that have it.</param>
/// <param name="Size">The window: the one to three axes along which positions are learned.</param>
/// <param name="Convention">Where P = 0 lies.</param>
public readonly record struct DclsTaps(Tensor Weight, Tensor Position, Tensor? Sigma, int[] Size, Convention Convention = Convention.Centered)
{
    /// <summary>Shape of the kernel: [*dense, *size, in/g, out].</summary>
    internal Shape KernelShape => [.. Weight.Shape.Dims[1..^2], .. Size, .. Weight.Shape.Dims[^2..]];
}
