using MiniTorch.Cuda;

namespace MiniTorch;

/// <summary>Work that can be done in several ways.</summary>
public sealed partial class CudaDevice
{
    /// <summary>
    /// Which form of a kernel does some work follows from shapes alone, the same on every GPU; else the fastest, measured when the work is first met, which rounds in its own way. Off by default.
    /// What was captured before keeps its forms.
    /// </summary>
    public bool Deterministic
    {
        get => Forms.Deterministic;
        set => Forms.Deterministic = value;
    }

    /// <summary>The forms that were chosen.</summary>
    internal FormChoices Forms => field ??= new(this);

    /// <summary>True while work is noted down instead of queued.</summary>
    internal bool IsCapturing => capturing;
}
