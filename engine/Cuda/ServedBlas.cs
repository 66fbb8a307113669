using MiniTorch.Cuda.Emulation;

namespace MiniTorch.Cuda;

/// <summary>Matrix products of the emulated GPU, by the CPU's kernel on the emulated memory, after what cuBLAS demands of its operands has been checked.</summary>
sealed unsafe class ServedBlas(CudaDevice device, EmulatedDriver driver, bool fuses = true) : IBlas
{
    /// <summary>f of a row, of float32.</summary>
    delegate void Formula(ReadOnlySpan<float> h, Span<float> y);

    public bool Fuses => fuses;

    public IReadOnlyList<string> Refused => [];

    public void Gemm(DType type, in GemmArgs args)
    {
        device.Queue();
        if (!args.Bias.IsNull) throw new EmulationException("Gemm: a plain product has no bias");
        if (args.M == 0 || args.N == 0 || args.Batch == 0) return;
        GemmArgs queued = args;
        driver.Do(device.Compute, () => Multiply(type, queued), nameof(Gemm));
    }

    public bool TryBias(DType type, in GemmArgs args) => TryFused(type, args);

    public bool TryActivation<F>(DType type, in GemmArgs args, Pointer y, F formula) where F : unmanaged, IUnary
        => F.Library != LibraryFormula.None && TryFused(type, args, y: y, f: (h, to) => Apply(formula, h, to));

    public bool TrySums(DType type, in GemmArgs args, Pointer sums) => TryFused(type, args, sums);

    public void Dispose() { }

    bool TryFused(DType type, in GemmArgs args, Pointer sums = default, Pointer y = default, Formula? f = null)
    {
        if (!fuses) return false;
        device.Queue();
        GemmArgs queued = args;
        driver.Do(device.Compute, () => Multiply(type, queued, sums, y, f), nameof(Gemm));
        return true;
    }

    void Multiply(DType type, in GemmArgs args, Pointer sums = default, Pointer y = default, Formula? f = null)
    {
        if (args.Batch > 1 && args.BatchC < (args.M - 1L) * args.LeadingC + args.N) throw new EmulationException($"Gemm: products of {args.M} x {args.N} lie {args.BatchC} elements apart");
        DeviceMemory memory = driver.Gpu.Memory;
        ServedMatrix a = args.TransposeA ? new("A", args.A, args.K, args.M, args.LeadingA, type, args.Batch, args.BatchA) : new("A", args.A, args.M, args.K, args.LeadingA, type, args.Batch, args.BatchA);
        ServedMatrix b = args.TransposeB ? new("B", args.B, args.N, args.K, args.LeadingB, type, args.Batch, args.BatchB) : new("B", args.B, args.K, args.N, args.LeadingB, type, args.Batch, args.BatchB);
        ServedMatrix c = new("C", args.C, args.M, args.N, args.LeadingC, type, args.Batch, args.BatchC), bias = new("bias", args.Bias, 1, args.N, args.N, type);
        using ServedNumbers hostA = a.Read(memory), hostB = b.Read(memory), hostC = args.Accumulate ? c.Read(memory) : c.OnHost(memory), hostBias = args.Bias.IsNull ? default : bias.Read(memory);
        MiniTorch.Gemm.Product.Launch(driver.Host, DType.Float32, args with { A = hostA.At, B = hostB.At, C = hostC.At, Bias = hostBias.At });
        Cost cost = args.Cost(type.Size());
        if (f is not null && y.Address != args.C.Address)
        {
            ServedMatrix other = c with { Name = "Y", At = y };
            using ServedNumbers hostY = other.OnHost(memory);
            Rows(args, f, hostC, hostY);
            other.Written(memory, hostY);
            cost = cost with { Bytes = cost.Bytes + (double)type.Size() * args.M * args.N * args.Batch };
        }
        else if (f is not null) Rows(args, f, hostC, hostC);
        c.Written(memory, hostC);
        if (!sums.IsNull) Sum(type, args, hostB, sums);
        driver.Spend(cost, type, device.AllowTf32);
    }

    static void Rows(in GemmArgs args, Formula f, in ServedNumbers c, in ServedNumbers y)
    {
        for (int b = 0; b < args.Batch; b++)
            for (int m = 0; m < args.M; m++)
            {
                long at = b * args.BatchC + (long)m * args.LeadingC;
                f(new(c.At.As<float>() + at, args.N), new(y.At.As<float>() + at, args.N));
            }
    }

    static void Apply<F>(F formula, ReadOnlySpan<float> h, Span<float> y) where F : unmanaged, IUnary
    {
        fixed (float* from = h, to = y)
            for (int i = 0; i < h.Length; i += Lanes128<float>.Count)
            {
                int n = Math.Min(Lanes128<float>.Count, h.Length - i);
                Lanes.Write(formula.Value(Lanes.Read<Lanes128<float>, float>(from + i, n)), to + i, n);
            }
    }

    void Sum(DType type, in GemmArgs args, in ServedNumbers b, Pointer sums)
    {
        ServedMatrix row = new("sums", sums, 1, args.N, args.N, type);
        using ServedNumbers host = row.OnHost(driver.Gpu.Memory);
        for (int n = 0; n < args.N; n++)
        {
            double sum = 0;
            for (long k = 0; k < args.K; k++) sum += b.At.As<float>()[args.TransposeB ? n * (long)args.LeadingB + k : k * args.LeadingB + n];
            host.At.As<float>()[n] = (float)sum;
        }
        row.Written(driver.Gpu.Memory, host);
    }
}
