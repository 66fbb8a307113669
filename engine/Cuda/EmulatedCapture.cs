namespace MiniTorch.Cuda;

/// <summary>
/// A stream of the emulated driver that is captured: its calls, as they are to be made again. What the driver does not permit meanwhile (allocating, waiting, loading, copies from
/// memory that is not page-locked) is an error and spoils the capture, as on a GPU: each further call on the stream, and the end of the capture, then fail too.
/// </summary>
sealed class EmulatedCapture(nint stream)
{
    readonly List<Action> calls = [];
    readonly HashSet<nint> events = [];
    readonly int thread = Environment.CurrentManagedThreadId;
    bool spoiled;

    internal bool Is(nint other) => other == stream;

    /// <summary>Notes a call on the stream.</summary>
    internal void Note(Action call, string function)
    {
        if (spoiled) throw Invalidated(function);
        calls.Add(call);
    }

    internal void NoteEvent(nint mark) => events.Add(mark);

    internal bool Has(nint mark) => events.Contains(mark);

    /// <summary>A call that its thread may not make before the capture has ended.</summary>
    internal void Forbid(string function, string what)
    {
        if (Environment.CurrentManagedThreadId != thread) return;
        spoiled = true;
        throw Refused(function, what);
    }

    internal Action[] End(string function) => spoiled ? throw Invalidated(function) : [.. calls];

    internal static CudaException Refused(string function, string what) => new(function, 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", $"{what} is not permitted");

    static CudaException Invalidated(string function) => new(function, 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "the capture has failed before");
}
