namespace MiniTorch.Models;

/// <summary>
/// The width of DCLS taps over a training: SIG falls exponentially from a wide start, where every tap feels the whole window, to a floor, where it sits on few cells:
/// SIG(e) = initial · (floor / initial)^(min(e, epochs) / epochs) after e epochs. A start at or below the floor stays. Sets the layers that do not learn their SIG
/// (<see cref="DclsOptions.LearnSigma"/>). Source: Hammouamri et al., arXiv 2306.17670 (initial ⌊size/2⌋, floor 0.23, a quarter of the epochs).
/// </summary>
/// <param name="Initial">SIG at the start, above 0.</param>
/// <param name="Epochs">Epochs until the floor is reached, above 0.</param>
/// <param name="Floor">SIG at the end; 0.23 makes a Gaussian of σ = 0.5.</param>
/// <param name="Smooth">True sets SIG before every update, by the fraction of the epoch; false at the start of each epoch, as the paper does.</param>
public sealed record SigmaSchedule(double Initial, double Epochs, double Floor = 0.23, bool Smooth = false)
{
    /// <summary>SIG after so many epochs.</summary>
    public double At(double epoch) => Initial <= Floor ? Initial : Initial * Math.Pow(Floor / Initial, Math.Min(epoch, Epochs) / Epochs);
}
