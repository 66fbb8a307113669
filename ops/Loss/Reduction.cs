namespace MiniTorch.Ops;

/// <summary>What becomes of the losses of the single examples.</summary>
public enum Reduction
{
    /// <summary>Their mean, a scalar.</summary>
    Mean,

    /// <summary>Their sum, a scalar.</summary>
    Sum,

    /// <summary>They are handed out as they are.</summary>
    None,
}
