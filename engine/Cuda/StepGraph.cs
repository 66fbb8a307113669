namespace MiniTorch;

/// <summary>
/// A step that a GPU repeats as one launch. The first runs are ordinary ones: one that makes what lasts, and two in memory of the step's own, so that its addresses are settled. The next one
/// is captured as a graph, and from then on each run launches the graph. What changes from step to step must lie in device memory and be written before the run: numbers in a launch are those
/// of the capture. A run with another key begins anew. While a <see cref="Profile"/> is taken, and on a device that waits for launches, steps run as ordinary ones.
/// </summary>
/// <typeparam name="TKey">All that the captured launches depend on beside device memory: addresses and shapes of inputs, switches.</typeparam>
public sealed class StepGraph<TKey>(CudaDevice device) : IDisposable where TKey : IEquatable<TKey>
{
    const int Plain = 1, Warm = 3;          // runs before the memory is the step's own, and before the capture

    TKey? current;
    Arena? arena;
    nint instance;
    int runs;

    /// <summary>True if the next run with the same key is a launch of the graph.</summary>
    public bool IsCaptured => instance != 0;

    /// <summary>Runs the step, or repeats it.</summary>
    /// <exception cref="TensorException">While it is captured, the step waits for the device, or reads or writes from the host; the message names the operation.</exception>
    public void Run(TKey key, Action step)
    {
        if (Profile.Current is not null || device.WaitsForLaunches)
        {
            step();
            return;
        }
        if (runs > 0 && !key.Equals(current)) Forget();
        current = key;
        if (instance == 0)
        {
            if (runs++ < Plain)
            {
                step();
                return;
            }
            Arena? outside = device.Pool.Use(arena ??= new());
            try
            {
                if (runs <= Warm)
                {
                    step();
                    return;
                }
                instance = device.Capture(step);
            }
            finally
            {
                device.Pool.Use(outside);
                if (runs > Warm && instance == 0) Forget();
            }
        }
        device.Replay(instance);
    }

    /// <summary>Gives graph and memory back.</summary>
    public void Dispose() => Forget();

    void Forget()
    {
        if (instance != 0) device.Forget(instance);
        if (arena is not null) device.Pool.End(arena);
        (instance, arena, runs) = (0, null, 0);
    }
}
