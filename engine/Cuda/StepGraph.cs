namespace MiniTorch;

/// <summary>
/// A step that a GPU repeats as one launch. The first runs are ordinary ones: one that makes what lasts, and two in memory of the step's own, so that its addresses are settled. The next one
/// is captured as a graph, and from then on each run launches the graph. What changes from step to step must lie in device memory and be written before the run: numbers in a launch are those
/// of the capture. A run with another key begins anew. A step may have several parts that come one after another, such as batches whose gradients are added up: each is captured for itself, all
/// in the same memory. While a <see cref="Profile"/> is taken, and on a device that waits for launches, steps run as ordinary ones.
/// </summary>
/// <typeparam name="TKey">All that the captured launches depend on beside device memory: addresses and shapes of inputs, switches.</typeparam>
public sealed class StepGraph<TKey>(CudaDevice device, int parts = 1) : IDisposable where TKey : IEquatable<TKey>
{
    const int Plain = 1, Warm = 3;          // runs before the memory is the step's own, and before the capture

    readonly nint[] instances = new nint[parts];
    readonly int[] runs = new int[parts];
    TKey? current;
    Arena? arena;

    /// <summary>True if the next run of every part with the same key is a launch of its graph.</summary>
    public bool IsCaptured => Array.IndexOf(instances, 0) < 0;

    /// <summary>Runs a part of the step, or repeats it.</summary>
    /// <exception cref="TensorException">While it is captured, the step waits for the device, or reads or writes from the host; the message names the operation.</exception>
    public void Run(TKey key, Action step, int part = 0)
    {
        if (Profile.Current is not null || device.WaitsForLaunches)
        {
            step();
            return;
        }
        if (runs.AsSpan().ContainsAnyExcept(0) && !key.Equals(current)) Forget();
        current = key;
        if (instances[part] == 0)
        {
            if (runs[part]++ < Plain)
            {
                step();
                return;
            }
            Arena? outside = device.Pool.Use(arena ??= new());
            try
            {
                if (runs[part] <= Warm)
                {
                    step();
                    return;
                }
                instances[part] = device.Capture(step);
            }
            finally
            {
                device.Pool.Use(outside);
                if (runs[part] > Warm && instances[part] == 0) Forget();
            }
        }
        device.Replay(instances[part]);
    }

    /// <summary>Gives graph and memory back.</summary>
    public void Dispose() => Forget();

    void Forget()
    {
        foreach (nint instance in instances)
            if (instance != 0) device.Forget(instance);
        if (arena is not null) device.Pool.End(arena);
        Array.Clear(instances);
        Array.Clear(runs);
        arena = null;
    }
}
