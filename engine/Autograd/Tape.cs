namespace MiniTorch;

/// <summary>Whether operations are recorded, per thread. Recording is training mode: dropout, drop path and batch statistics follow it.</summary>
public static class Tape
{
    [ThreadStatic] static int paused;

    /// <summary>On this thread: is shown each result that is recorded, and each gradient that has come back to an op, before anything reads it. Null but where somebody asks what rounding them would do.</summary>
    [ThreadStatic] internal static Action<Tensor>? Shown;

    /// <summary>True unless <see cref="Paused"/>.</summary>
    public static bool Recording => paused == 0;

    /// <summary>True if an op over these inputs must be recorded.</summary>
    public static bool Tracks(params ReadOnlySpan<Tensor?> inputs)
    {
        if (paused > 0) return false;
        Profile.Current?.ForwardEnds();
        foreach (Tensor? x in inputs) if (x is { Tracked: true }) return true;
        return false;
    }

    /// <summary>Stops recording until disposed: <c>using (Tape.Paused()) { … }</c> evaluates.</summary>
    public static Pause Paused()
    {
        paused++;
        return default;
    }

    /// <summary>Ends with <c>using</c>.</summary>
    public readonly ref struct Pause
    {
        /// <summary>Resumes recording.</summary>
        public void Dispose() => paused--;
    }
}

/// <summary>Reverse-mode differentiation.</summary>
public static class Differentiation
{
    /// <summary>
    /// Fills the gradients of all parameters that <paramref name="y"/> depends on with d(Σ y·seed); without a seed, y must be a scalar. Consumes the
    /// graph: what it saved is freed as it goes. The value of y itself stays readable until its step ends.
    /// </summary>
    public static void Backward(this Tensor y, Tensor? seed = null)
    {
        if (y.Source is not { } last) throw new TensorException($"Backward: {y} has no graph: nothing trainable was used, or the tape was paused");
        if (seed is null && y.Count != 1) throw new TensorException($"Backward: a tensor of more than one element needs a seed of its shape, got {y}");
        if (seed is not null) Expect.Shape(seed, y.Shape);
        List<Op> graph = Op.Gather(last);
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        if (seed is null)
        {
            seed = Tensor.Like(y);
            seed.Fill(1);
        }
        last.AddGradient(seed);
        step.ReleaseExcept();
        foreach (Op op in graph)
        {
            op.Run();
            step.ReleaseExcept();
        }
    }
}
