using System.Runtime.InteropServices;

namespace MiniTorch.Cuda;

/// <summary>The functions of cuBLASLt that are used. Each returns a status, 0 for success. Matrices are column-major.</summary>
static unsafe partial class LibCublasLt
{
    internal const string Name = "cublasLt";

    /// <summary>Statuses of a question for algorithms: the operands are not for such a kernel, or there is none.</summary>
    internal const int InvalidValue = 7, NotSupported = 15;

    /// <summary>Attributes of an operation: i32, i32, u32, pointer, pointer, i64.</summary>
    internal const int TransposeA = 3, TransposeB = 4, Epilogue = 7, BiasPointer = 8, KeptPointer = 11, KeptLeading = 12;

    /// <summary>Attributes of a matrix: i32 and i64.</summary>
    internal const int BatchCount = 5, BatchStride = 6;

    /// <summary>Attributes of a preference: u64, u32, and four of u32 one after the other, for A, B, C and D.</summary>
    internal const int MostWorkspace = 1, ReductionSchemes = 3, LeastAlignment = 5;

    /// <summary>A sum that is split may be added up from parts in float32 by a step of its own.</summary>
    internal const uint PartsInFloat32 = 2;

    /// <summary>Bits of an epilogue. The bias is one of D's rows; what is kept is what the formula was applied to; sums are those of A over k, where the bias would lie.</summary>
    internal const uint Nothing = 1, Relu = 2, Bias = 4, GeluTanh = 32, Kept = 128, SumsOfA = 256;

    /// <summary>How a product is computed, known to the library alone.</summary>
    internal struct Algorithm { internal fixed ulong Data[8]; }

    /// <summary>An algorithm that is proposed.</summary>
    internal struct Candidate
    {
        internal Algorithm Algorithm;
        internal nuint Workspace;
        internal int Status;
        internal float Waves;
        internal fixed int Reserved[4];
    }

    [LibraryImport(Name)] internal static partial int cublasLtCreate(nint* handle);
    [LibraryImport(Name)] internal static partial int cublasLtDestroy(nint handle);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulDescCreate(nint* operation, int compute, int scale);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulDescDestroy(nint operation);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulDescSetAttribute(nint operation, int attribute, void* value, nuint bytes);
    [LibraryImport(Name)] internal static partial int cublasLtMatrixLayoutCreate(nint* matrix, int type, ulong rows, ulong columns, long leading);
    [LibraryImport(Name)] internal static partial int cublasLtMatrixLayoutDestroy(nint matrix);
    [LibraryImport(Name)] internal static partial int cublasLtMatrixLayoutSetAttribute(nint matrix, int attribute, void* value, nuint bytes);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulPreferenceCreate(nint* preference);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulPreferenceDestroy(nint preference);
    [LibraryImport(Name)] internal static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);
    [LibraryImport(Name)]
    internal static partial int cublasLtMatmulAlgoGetHeuristic(nint handle, nint operation, nint a, nint b, nint c, nint d, nint preference, int wanted, Candidate* found, int* count);
    [LibraryImport(Name)]
    internal static partial int cublasLtMatmul(nint handle, nint operation, void* alpha, nint a, nint matrixA, nint b, nint matrixB, void* beta, nint c, nint matrixC, nint d, nint matrixD,
        Algorithm* algorithm, nint workspace, nuint bytes, nint stream);
}
