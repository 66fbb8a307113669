namespace MiniTorch.Cuda;

/// <summary>Matrix products of 32-bit floats on a GPU by a library; sums and products are those of float32, never TF32.</summary>
interface IBlas : IDisposable
{
    /// <summary>Queues C = op(A) · op(B) (+ C) for each matrix of the batch. Bias must be null: a library does not add it.</summary>
    void Gemm(in GemmArgs args);
}
