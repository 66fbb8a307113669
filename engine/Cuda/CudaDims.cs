using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda;

/// <summary>Sizes or steps of the axes of a tensor in a launch record: <c>u32[8]</c>.</summary>
[InlineArray(Shape.MaxRank)]
struct CudaDims
{
    int first;

    internal static CudaDims Of(in Shape shape)
    {
        CudaDims dims = default;
        shape.Dims.CopyTo(dims);
        return dims;
    }
}
