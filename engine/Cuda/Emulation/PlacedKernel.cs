namespace MiniTorch.Cuda.Emulation;

/// <summary>A kernel on an emulated GPU.</summary>
internal sealed unsafe class PlacedKernel
{
    readonly EmulatedGpu gpu;
    readonly PlacedModule module;
    int maxDynamicShared = EmulatedGpu.DefaultSharedBytes;

    internal PlacedKernel(EmulatedGpu gpu, PlacedModule module, PtxKernel kernel) => (this.gpu, this.module, Kernel) = (gpu, module, kernel);

    internal PtxKernel Kernel { get; }

    internal string Name => Kernel.Name;

    /// <summary>Most threads that a block may have.</summary>
    internal int MaxThreads => Kernel.MaxThreads > 0 ? Math.Min(Kernel.MaxThreads, EmulatedGpu.MaxBlockThreads) : EmulatedGpu.MaxBlockThreads;

    /// <summary>Bytes of shared variables.</summary>
    internal int StaticSharedBytes => Kernel.Code.SharedBytes;

    /// <summary>Most 32-bit registers alive at once.</summary>
    internal int RegisterPressure => Kernel.Code.RegisterPressure;

    /// <summary>Allows dynamic shared memory beyond 48 KiB; with the variables at most what the GPU has.</summary>
    internal int MaxDynamicShared
    {
        get => maxDynamicShared;
        set
        {
            if (value < 0 || value + StaticSharedBytes > gpu.Model.SharedBytesPerBlock)
                throw new EmulationException($"{Name}: {value} bytes of dynamic and {StaticSharedBytes} of static shared memory are more than the {gpu.Model.SharedBytesPerBlock} of {gpu.Model.Name}");
            maxDynamicShared = value;
        }
    }

    /// <summary>
    /// Runs the kernel. As for a driver, <paramref name="parameters"/> holds for each parameter the address of its value. <paramref name="sizes"/>, if given, are the bytes
    /// of the values that the caller has put there, to be checked against what the kernel declares.
    /// </summary>
    internal LaunchCounters Launch(in Launch launch, void** parameters, ReadOnlySpan<int> sizes = default)
    {
        Check(launch);
        if (!sizes.IsEmpty || parameters == null) CheckParameters(sizes);
        byte[] block = new byte[Math.Max(Kernel.ParameterBytes, 1)];
        for (int i = 0; i < Kernel.Parameters.Count; i++)
        {
            PtxParameter parameter = Kernel.Parameters[i];
            if (parameters[i] == null) throw new EmulationException($"{Name}: parameter {i} ({parameter.Name}) has no value");
            new Span<byte>(parameters[i], parameter.Bytes).CopyTo(block.AsSpan(parameter.Offset));
        }
        return new GridRun(gpu, module, this, launch, block).Run();
    }

    void CheckParameters(ReadOnlySpan<int> sizes)
    {
        IReadOnlyList<PtxParameter> declared = Kernel.Parameters;
        if (sizes.Length != declared.Count) throw new EmulationException($"{Name}: {sizes.Length} parameters are given, but the kernel has {declared.Count}");
        for (int i = 0; i < sizes.Length; i++)
            if (sizes[i] != declared[i].Bytes) throw new EmulationException($"{Name}: parameter {i} ({declared[i].Name}) has {sizes[i]} bytes, but the kernel declares {declared[i].Bytes}");
    }

    void Check(in Launch launch)
    {
        (Dim3 grid, Dim3 block) = (launch.Grid, launch.Block);
        if (grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > 65535 || grid.Z > 65535) throw Refused(launch, "the grid must have 1 to 2147483647 blocks in x and 1 to 65535 in y and z");
        if (block.X < 1 || block.Y < 1 || block.Z < 1 || block.Z > 64 || block.Count > EmulatedGpu.MaxBlockThreads) throw Refused(launch, "a block has 1 to 1024 threads, at most 64 in z");
        if (block.Count > MaxThreads) throw Refused(launch, $"the block has {block.Count} threads, but the kernel is compiled for at most {MaxThreads} (.maxntid)");
        if (Kernel.RequiredBlock is { } required && required != block) throw Refused(launch, $"the kernel requires blocks of {required} (.reqntid)");
        if (launch.SharedBytes < 0 || launch.SharedBytes > maxDynamicShared)
            throw Refused(launch, $"{launch.SharedBytes} bytes of dynamic shared memory are asked for, but {maxDynamicShared} are allowed: set {nameof(MaxDynamicShared)} first");
        if (StaticSharedBytes > EmulatedGpu.DefaultSharedBytes) throw Refused(launch, $"{StaticSharedBytes} bytes of shared variables are more than 48 KiB: take dynamic shared memory");
        if (Kernel.Code.DynamicOffset + launch.SharedBytes > gpu.Model.SharedBytesPerBlock) throw Refused(launch, $"the block wants more than the {gpu.Model.SharedBytesPerBlock} bytes of shared memory of {gpu.Model.Name}");
    }

    EmulationException Refused(in Launch launch, string why) => new($"{Name}: launch of grid {launch.Grid}, block {launch.Block} refused: {why}");
}
