using System.Runtime.InteropServices;
using static MiniTorch.Cuda.LibCublas;

namespace MiniTorch.Cuda;

/// <summary>cuBLAS on a device's compute stream, and cuBLASLt where it was found, for what ends with more than a store.</summary>
sealed unsafe class NativeBlas : IBlas
{
    const long WorkspaceBytes = 32 << 20;       // its own, or it would allocate while a graph is captured

    readonly CudaDevice device;
    readonly Block workspace;
    readonly nint handle;
    readonly NativeBlasLt? fused;

    NativeBlas(CudaDevice device)
    {
        this.device = device;
        nint created;
        Check(cublasCreate_v2(&created), nameof(cublasCreate_v2));
        handle = created;
        workspace = device.Pool.Take(WorkspaceBytes);
        Check(cublasSetStream_v2(handle, device.Compute), nameof(cublasSetStream_v2));
        Check(cublasSetWorkspace_v2(handle, workspace.Address, (nuint)WorkspaceBytes), nameof(cublasSetWorkspace_v2));
        Check(cublasSetMathMode(handle, DefaultMath), nameof(cublasSetMathMode));
        if (CudaLibraries.BlasLt.Found) fused = new(device, workspace.Address, WorkspaceBytes);
    }

    /// <summary>cuBLAS for a device, or null where it was not found.</summary>
    internal static IBlas? Open(CudaDevice device) => CudaLibraries.Blas.Found ? new NativeBlas(device) : null;

    /// <summary>A row-major matrix is its own transpose, column-major; so C' = B' · A' is asked for.</summary>
    public void Gemm(DType type, in GemmArgs args)
    {
        device.Queue();
        if (args.M == 0 || args.N == 0 || args.Batch == 0) return;
        (int elements, int compute) = Types(type);
        float one = 1, start = args.Accumulate ? 1 : 0;
        int leadingA = Math.Max(1, args.LeadingA), leadingB = Math.Max(1, args.LeadingB);        // K may be 0
        int transposeA = args.TransposeA ? Transposed : NotTransposed, transposeB = args.TransposeB ? Transposed : NotTransposed;
        if (args.Batch == 1)
        {
            Check(cublasGemmEx(handle, transposeB, transposeA, args.N, args.M, args.K, &one, args.B.Address, elements, leadingB, args.A.Address, elements, leadingA,
                &start, args.C.Address, elements, args.LeadingC, compute, DefaultAlgorithm), nameof(cublasGemmEx));
            return;
        }
        Check(cublasGemmStridedBatchedEx(handle, transposeB, transposeA, args.N, args.M, args.K, &one, args.B.Address, elements, leadingB, args.BatchB,
            args.A.Address, elements, leadingA, args.BatchA, &start, args.C.Address, elements, args.LeadingC, args.BatchC, args.Batch, compute, DefaultAlgorithm),
            nameof(cublasGemmStridedBatchedEx));
    }

    public bool Fuses => fused is not null;

    public IReadOnlyList<string> Refused => fused?.Refused ?? [];

    public bool TryBias(DType type, in GemmArgs args) => TryFused(type, args, LibCublasLt.Bias, args.Bias, args.C);

    public bool TryActivation<F>(DType type, in GemmArgs args, Pointer y, F formula) where F : unmanaged, IUnary
    {
        uint epilogue = F.Library switch { LibraryFormula.Relu => LibCublasLt.Relu, LibraryFormula.GeluTanh => LibCublasLt.GeluTanh, _ => 0 };
        bool keeps = y.Address != args.C.Address;
        if (epilogue == 0 || keeps && epilogue == LibCublasLt.Relu) return false;       // the library keeps signs there, not C
        return TryFused(type, args, epilogue | (args.Bias.IsNull ? 0 : LibCublasLt.Bias) | (keeps ? LibCublasLt.Kept : 0), args.Bias, y, keeps ? args.C : default);
    }

    public bool TrySums(DType type, in GemmArgs args, Pointer sums) => TryFused(type, args, LibCublasLt.SumsOfA, sums, args.C);

    bool TryFused(DType type, in GemmArgs args, uint epilogue, Pointer vector, Pointer d, Pointer kept = default)
    {
        if (fused is null) return false;
        (int elements, int compute) = Types(type);
        return fused.Queue(args, elements, compute, epilogue, vector, d, kept);
    }

    (int Elements, int Compute) Types(DType type) => type == DType.BFloat16 ? (Brain16, Compute32) : (Real32, device.AllowTf32 ? ComputeTf32 : Compute32);

    public void Dispose()
    {
        fused?.Dispose();
        Check(cublasDestroy_v2(handle), nameof(cublasDestroy_v2));
        device.Pool.Return(workspace);
    }

    internal static void Check(int status, string function)
    {
        if (status != 0)
            throw new CudaException(function, status, Marshal.PtrToStringUTF8((nint)cublasGetStatusName(status)) ?? "", Marshal.PtrToStringUTF8((nint)cublasGetStatusString(status)) ?? "");
    }
}
