using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>Matrix products of the emulated GPU, by the CPU's kernel on the emulated memory, after what cuBLAS demands of its operands has been checked.</summary>
sealed class ServedBlas(CudaDevice device, EmulatedDriver driver) : IBlas
{
    public void Gemm(DType type, in GemmArgs args)
    {
        device.Queue();
        if (!args.Bias.IsNull) throw new EmulationException("Gemm: a library adds no bias");
        if (args.M == 0 || args.N == 0 || args.Batch == 0) return;
        GemmArgs queued = args;
        driver.Do(device.Compute, () => Multiply(type, queued), nameof(Gemm));
    }

    public void Dispose() { }

    void Multiply(DType type, in GemmArgs args)
    {
        if (args.Batch > 1 && args.BatchC < (args.M - 1L) * args.LeadingC + args.N) throw new EmulationException($"Gemm: products of {args.M} x {args.N} lie {args.BatchC} elements apart");
        DeviceMemory memory = driver.Gpu.Memory;
        ServedMatrix a = args.TransposeA ? new("A", args.A, args.K, args.M, args.LeadingA, type, args.Batch, args.BatchA) : new("A", args.A, args.M, args.K, args.LeadingA, type, args.Batch, args.BatchA);
        ServedMatrix b = args.TransposeB ? new("B", args.B, args.N, args.K, args.LeadingB, type, args.Batch, args.BatchB) : new("B", args.B, args.K, args.N, args.LeadingB, type, args.Batch, args.BatchB);
        ServedMatrix c = new("C", args.C, args.M, args.N, args.LeadingC, type, args.Batch, args.BatchC);
        using ServedNumbers hostA = a.Read(memory), hostB = b.Read(memory), hostC = args.Accumulate ? c.Read(memory) : c.OnHost(memory);
        MiniTorch.Gemm.Product.Launch(driver.Host, DType.Float32, args with { A = hostA.At, B = hostB.At, C = hostC.At });
        c.Written(memory, hostC);
        driver.Spend(args.Cost(type.Size()), type, device.AllowTf32);
    }
}
