namespace MiniTorch;

/// <summary>Why a storage is gone.</summary>
internal enum Ending { None, Step, Backward, Freed }

/// <summary>
/// One pool block. It belongs to a step and to the graph (counted owners, one thread), or it is lasting: then it is uncounted, lives as long as it
/// can be reached, and may be freed early by whoever made it. No atomics either way.
/// </summary>
internal sealed class Storage
{
    readonly Pool pool;
    readonly Block block;
    internal StepFrame? Step;
    int owners;
    Guard? guard;

    internal Storage(Device device, Shape shape, DType dtype, StepFrame? step)
    {
        (pool, Step) = (device.Pool, step);
        block = pool.Take(shape.Count * dtype.Size(), shape, dtype);
        if (step is null) guard = new Guard(pool, block);
        else
        {
            owners = 1;
            step.Own(this);
        }
    }

    internal int Version;
    internal Ending Ending { get; private set; }
    internal bool Lasting => guard is not null;
    internal bool Exclusive => guard is null && owners == 1;
    internal nint Address => Ending == Ending.None ? block.Address : 0;

    internal void AddOwner()
    {
        if (guard is null) owners++;
    }

    internal void DropOwner(Ending why)
    {
        if (guard is not null || Ending != Ending.None || --owners > 0) return;
        Ending = why;
        pool.Return(block);
    }

    /// <summary>From now on reachability keeps it: what leaves the outermost step.</summary>
    internal void MakeLasting()
    {
        Step = null;
        guard ??= new Guard(pool, block);
    }

    /// <summary>For owners of lasting storage (a parameter store, an optimizer): give it back now.</summary>
    internal void Free()
    {
        if (guard is null || Ending != Ending.None) return;
        guard.Disarm();
        Ending = Ending.Freed;
        pool.Return(block);
    }

    sealed class Guard(Pool pool, Block block)
    {
        bool disarmed;

        ~Guard()
        {
            if (!disarmed) pool.Abandon(block);
        }

        internal void Disarm() => disarmed = true;
    }
}
