namespace MiniTorch.Cuda;

/// <summary>Matrix products of 32-bit floats or bf16 on a GPU by a library; sums are those of float32, products too unless <see cref="CudaDevice.AllowTf32"/>.</summary>
interface IBlas : IDisposable
{
    /// <summary>Queues C = op(A) · op(B) (+ C) for each matrix of the batch, all of the type. Bias must be null: a library does not add it.</summary>
    void Gemm(DType type, in GemmArgs args);
}
