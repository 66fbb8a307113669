namespace MiniTorch.Cuda.Emulation;

/// <summary>One launch: threads of this process take blocks in order. Of several faults the one of the first block is reported, whatever thread met it.</summary>
internal sealed unsafe class GridRun(EmulatedGpu gpu, PlacedModule module, PlacedKernel kernel, Launch launch, byte[] parameters)
{
    readonly Code code = kernel.Kernel.Code;
    readonly OperationCounts[] counts = new OperationCounts[kernel.Kernel.Code.Length];
    readonly Lock gate = new();
    long next = -1, failed = long.MaxValue;
    Exception? fault;

    internal LaunchCounters Run()
    {
        int threads = launch.Threads > 0 ? launch.Threads : code.OrdersBlocks ? 1 : Environment.ProcessorCount;
        threads = (int)Math.Min(threads, launch.Grid.Count);
        fixed (byte* block = parameters)
        {
            nint at = (nint)block;
            Task[] others = new Task[threads - 1];
            for (int i = 0; i < others.Length; i++) others[i] = Task.Run(() => RunBlocks(at));
            RunBlocks(at);
            Task.WaitAll(others);
        }
        (long read, long written) = gpu.Memory.TakeTouched();
        if (fault is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        return new(code, launch, Spread(), read, written);
    }

    void RunBlocks(nint parameterBlock)
    {
        long index = 0;
        try
        {
            using Block block = new(module, code, launch, gpu.Memory, (byte*)parameterBlock);
            while ((index = Interlocked.Increment(ref next)) < launch.Grid.Count && index < Volatile.Read(ref failed)) block.Run(launch.Grid.At(index));
            lock (gate) for (int i = 0; i < counts.Length; i++) counts[i].Add(block.Counts[i]);
        }
        catch (Exception e)
        {
            lock (gate)
            {
                if (index >= failed) return;
                (failed, fault) = (index, e);
            }
        }
    }

    /// <summary>Gives every instruction of a straight run what was counted at its first.</summary>
    OperationCounts[] Spread()
    {
        for (int i = 0; i + 1 < counts.Length; i++)
            if (code.Operations[i].Straight > 1) (counts[i + 1].Executions, counts[i + 1].Lanes) = (counts[i].Executions, counts[i].Lanes);
        return counts;
    }
}
