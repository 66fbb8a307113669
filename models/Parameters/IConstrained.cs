namespace MiniTorch.Models;

/// <summary>A layer whose parameters have bounds.</summary>
public interface IConstrained
{
    /// <summary>Brings the parameters back into their bounds.</summary>
    void Constrain();
}
