using static MiniTorch.Cuda.LibCublas;
using static MiniTorch.Cuda.LibCublasLt;

namespace MiniTorch.Cuda;

/// <summary>
/// Products that end with more than a store, by cuBLASLt on a device's compute stream. What it needs for a product of some sizes and alignments is made once and kept, so that the same product is
/// always computed by the same algorithm. Of sums that are split only those are let whose parts lie apart in float32 and are then added in order: the same bits each time.
/// </summary>
sealed unsafe class NativeBlasLt : IDisposable
{
    const int MostAlignment = 256;      // more is not asked about

    /// <summary>Descriptors and the algorithm for products of a key; null stands for none.</summary>
    sealed class Plan
    {
        internal nint Operation, A, B, C;
        internal Candidate Chosen;
    }

    /// <summary>A product without addresses, and what they are multiples of.</summary>
    readonly record struct Key(GemmArgs Sizes, int Elements, int Compute, uint Epilogue, int A, int B, int C, int Vector, int Kept);

    readonly Dictionary<Key, Plan?> plans = [];
    readonly CudaDevice device;
    readonly nint workspace, handle;
    readonly long workspaceBytes;

    /// <summary>The workspace is that of other products on the stream, which run before or after.</summary>
    internal NativeBlasLt(CudaDevice device, nint workspace, long workspaceBytes)
    {
        (this.device, this.workspace, this.workspaceBytes) = (device, workspace, workspaceBytes);
        nint created;
        NativeBlas.Check(cublasLtCreate(&created), nameof(cublasLtCreate));
        handle = created;
    }

    /// <summary>
    /// Queues D = op(A) · op(B) (+ C) with an epilogue, D in the place of C or at another; false if there is no algorithm. The vector is a bias or takes sums; what is kept lies as D does. As for
    /// <see cref="NativeBlas"/>, D' = B' · A' is asked for: a row of D' is a column of D.
    /// </summary>
    internal bool Queue(in GemmArgs args, int elements, int compute, uint epilogue, Pointer vector, Pointer d, Pointer kept = default)
    {
        Key key = new(args with { A = default, B = default, C = default, Bias = default }, elements, compute, epilogue, Alignment(args.A), Alignment(args.B), Alignment(d), Alignment(vector), Alignment(kept));
        if (!plans.TryGetValue(key, out Plan? plan)) plans[key] = plan = Make(key);
        if (plan is null) return false;
        device.Queue();
        Set(plan.Operation, BiasPointer, vector.Address);
        if (!kept.IsNull) Set(plan.Operation, KeptPointer, kept.Address);
        float one = 1, start = args.Accumulate ? 1 : 0;
        fixed (Algorithm* algorithm = &plan.Chosen.Algorithm)
            NativeBlas.Check(cublasLtMatmul(handle, plan.Operation, &one, args.B.Address, plan.B, args.A.Address, plan.A, &start, d.Address, plan.C, d.Address, plan.C, algorithm, workspace,
                (nuint)workspaceBytes, device.Compute), nameof(cublasLtMatmul));
        return true;
    }

    /// <summary>Products without an algorithm.</summary>
    internal List<string> Refused { get; } = [];

    public void Dispose()
    {
        foreach (Plan? plan in plans.Values) Drop(plan);
        NativeBlas.Check(cublasLtDestroy(handle), nameof(cublasLtDestroy));
    }

    Plan? Make(in Key key)
    {
        GemmArgs g = key.Sizes;
        Plan plan = new() { B = Matrix(key.Elements, g.TransposeB, g.K, g.N, g.LeadingB, g, g.BatchB), A = Matrix(key.Elements, g.TransposeA, g.M, g.K, g.LeadingA, g, g.BatchA), C = Matrix(key.Elements, false, g.M, g.N, g.LeadingC, g, g.BatchC) };
        nint operation;
        NativeBlas.Check(cublasLtMatmulDescCreate(&operation, key.Compute, Real32), nameof(cublasLtMatmulDescCreate));
        plan.Operation = operation;
        Set(operation, TransposeA, g.TransposeB ? Transposed : NotTransposed);
        Set(operation, TransposeB, g.TransposeA ? Transposed : NotTransposed);
        Set(operation, Epilogue, key.Epilogue);
        Set(operation, BiasPointer, (nint)key.Vector);              // what an address is a multiple of is all that is asked of it as yet
        if ((key.Epilogue & Kept) != 0)
        {
            Set(operation, KeptPointer, (nint)key.Kept);
            Set(operation, KeptLeading, (long)g.LeadingC);
        }
        if (Choose(plan, key)) return plan;
        Drop(plan);
        Refused.Add($"{g.M}x{g.K}x{g.N} {(key.Elements == Brain16 ? "bf16" : "f32")} with {(key.Epilogue == SumsOfA ? "sums" : (key.Epilogue & GeluTanh) != 0 ? "GELU" : (key.Epilogue & Relu) != 0 ? "ReLU" : "bias")}");
        return null;
    }

    /// <summary>Takes the library's first proposal; false if it has none.</summary>
    bool Choose(Plan plan, in Key key)
    {
        nint preference;
        NativeBlas.Check(cublasLtMatmulPreferenceCreate(&preference), nameof(cublasLtMatmulPreferenceCreate));
        Prefer(preference, MostWorkspace, (ulong)workspaceBytes);
        Prefer(preference, ReductionSchemes, PartsInFloat32);
        Prefer(preference, LeastAlignment, (uint)key.B);
        Prefer(preference, LeastAlignment + 1, (uint)key.A);
        Prefer(preference, LeastAlignment + 2, (uint)key.C);
        Prefer(preference, LeastAlignment + 3, (uint)key.C);
        int count;
        Candidate found;
        int status = cublasLtMatmulAlgoGetHeuristic(handle, plan.Operation, plan.B, plan.A, plan.C, plan.C, preference, 1, &found, &count);
        NativeBlas.Check(cublasLtMatmulPreferenceDestroy(preference), nameof(cublasLtMatmulPreferenceDestroy));
        if (status is InvalidValue or NotSupported) return false;
        NativeBlas.Check(status, nameof(cublasLtMatmulAlgoGetHeuristic));
        plan.Chosen = found;
        return count > 0 && found.Status == 0;
    }

    /// <summary>A row-major matrix, or its transpose, as the column-major one that lies there.</summary>
    static nint Matrix(int elements, bool transposed, int rows, int columns, int leading, in GemmArgs args, long stride)
    {
        nint matrix;
        NativeBlas.Check(cublasLtMatrixLayoutCreate(&matrix, elements, (ulong)(transposed ? rows : columns), (ulong)(transposed ? columns : rows), leading), nameof(cublasLtMatrixLayoutCreate));
        if (args.Batch == 1) return matrix;
        int batch = args.Batch;
        NativeBlas.Check(cublasLtMatrixLayoutSetAttribute(matrix, BatchCount, &batch, sizeof(int)), nameof(cublasLtMatrixLayoutSetAttribute));
        NativeBlas.Check(cublasLtMatrixLayoutSetAttribute(matrix, BatchStride, &stride, sizeof(long)), nameof(cublasLtMatrixLayoutSetAttribute));
        return matrix;
    }

    static void Drop(Plan? plan)
    {
        if (plan is null) return;
        NativeBlas.Check(cublasLtMatmulDescDestroy(plan.Operation), nameof(cublasLtMatmulDescDestroy));
        foreach (nint matrix in (ReadOnlySpan<nint>)[plan.A, plan.B, plan.C]) NativeBlas.Check(cublasLtMatrixLayoutDestroy(matrix), nameof(cublasLtMatrixLayoutDestroy));
    }

    static void Set<T>(nint operation, int attribute, T value) where T : unmanaged
        => NativeBlas.Check(cublasLtMatmulDescSetAttribute(operation, attribute, &value, (nuint)sizeof(T)), nameof(cublasLtMatmulDescSetAttribute));

    static void Prefer<T>(nint preference, int attribute, T value) where T : unmanaged
        => NativeBlas.Check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)), nameof(cublasLtMatmulPreferenceSetAttribute));

    /// <summary>The largest power of two that an address is a multiple of.</summary>
    static int Alignment(Pointer at) => 1 << BitOperations.TrailingZeroCount(at.Address | MostAlignment);
}
