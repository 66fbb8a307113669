using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>The functions of cuBLAS that are used. Each returns a status, 0 for success. Matrices are column-major.</summary>
static unsafe partial class LibCublas
{
    internal const string Name = "cublas";

    /// <summary>Operation on an operand.</summary>
    internal const int NotTransposed = 0, Transposed = 1;

    /// <summary>Element type, type of the sums, math mode, choice of algorithm.</summary>
    internal const int Real32 = 0, Brain16 = 14, Compute32 = 68, ComputeTf32 = 77, DefaultMath = 0, DefaultAlgorithm = -1;

    [LibraryImport(Name)] internal static partial int cublasCreate_v2(nint* handle);
    [LibraryImport(Name)] internal static partial int cublasDestroy_v2(nint handle);
    [LibraryImport(Name)] internal static partial byte* cublasGetStatusName(int status);
    [LibraryImport(Name)] internal static partial byte* cublasGetStatusString(int status);
    [LibraryImport(Name)] internal static partial int cublasSetStream_v2(nint handle, nint stream);
    [LibraryImport(Name)] internal static partial int cublasSetWorkspace_v2(nint handle, nint workspace, nuint bytes);
    [LibraryImport(Name)] internal static partial int cublasSetMathMode(nint handle, int mode);
    [LibraryImport(Name)]
    internal static partial int cublasGemmEx(nint handle, int transposeA, int transposeB, int m, int n, int k, void* alpha, nint a, int typeA, int leadingA,
        nint b, int typeB, int leadingB, void* beta, nint c, int typeC, int leadingC, int compute, int algorithm);
    [LibraryImport(Name)]
    internal static partial int cublasGemmStridedBatchedEx(nint handle, int transposeA, int transposeB, int m, int n, int k, void* alpha, nint a, int typeA, int leadingA, long strideA,
        nint b, int typeB, int leadingB, long strideB, void* beta, nint c, int typeC, int leadingC, long strideC, int batch, int compute, int algorithm);
}
