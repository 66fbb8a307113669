namespace MiniTorch;

/// <summary>
/// Where an op takes its random bits: a state in device memory, Int32[4] = {seed low, seed high, step low, step high}, shared by a model, and the number of
/// the place that draws. The step lives in memory so that a recorded step draws new bits each time it is replayed.
/// </summary>
public readonly record struct RandomSite(Tensor State, uint Site);

/// <summary>The random state of a model: a seed and a counter that advances once per forward pass. Saved with a checkpoint, it continues exactly.</summary>
public sealed class Randomness
{
    readonly ulong seed;

    /// <summary>A state at step 0.</summary>
    public Randomness(ulong seed, Device? device = null)
    {
        this.seed = seed;
        State = Tensor.Lasting([4], DType.Int32, device);
        Write();
    }

    /// <summary>Int32[4] on the device: seed low, seed high, step low, step high.</summary>
    public Tensor State { get; }

    /// <summary>Number of the forward pass.</summary>
    public ulong Step { get; private set; }

    /// <summary>Goes to the next forward pass: every site draws new bits.</summary>
    public void Advance() => Seek(Step + 1);

    /// <summary>Goes to a given forward pass, as a resumed run does.</summary>
    public void Seek(ulong step)
    {
        Step = step;
        Write();
    }

    void Write() => State.Write<int>([(int)seed, (int)(seed >> 32), (int)Step, (int)(Step >> 32)]);
}
