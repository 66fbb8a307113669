namespace MiniTorch.Cuda;

/// <summary>Matrix products of 32-bit floats or bf16 on a GPU by a library; sums are those of float32, products too unless <see cref="CudaDevice.AllowTf32"/>.</summary>
interface IBlas : IDisposable
{
    /// <summary>Queues C = op(A) · op(B) (+ C) for each matrix of the batch, all of the type. Bias must be null.</summary>
    void Gemm(DType type, in GemmArgs args);

    /// <summary>False where the library only stores products: then each of the methods below is.</summary>
    bool Fuses { get; }

    /// <summary>What the methods below were false for although the library was asked, each once: M x K x N, type, and what was to be done.</summary>
    IReadOnlyList<string> Refused { get; }

    /// <summary>As <see cref="Gemm"/>, and the bias is added in the same pass. False, and nothing is queued, if the library has no kernel for that.</summary>
    bool TryBias(DType type, in GemmArgs args);

    /// <summary>
    /// y = f(C) with C = op(A) · op(B) (+ bias), in the same pass; y lies as C does, and no C is kept where y is its place. f is applied to C in float32, before C is rounded to bf16. False, and nothing is
    /// queued, if the library has no kernel for that.
    /// </summary>
    bool TryActivation<F>(DType type, in GemmArgs args, Pointer y, F formula) where F : unmanaged, IUnary;

    /// <summary>As <see cref="Gemm"/>, and sums[n] = Σₖ op(B)[k, n], while B is read for the product. False, and nothing is queued, if the library has no kernel for that.</summary>
    bool TrySums(DType type, in GemmArgs args, Pointer sums);
}
