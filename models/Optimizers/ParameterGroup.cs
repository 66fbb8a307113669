namespace MiniTorch.Models;

/// <summary>
/// Parameters that an optimizer treats alike. Groups are asked in order and the first match wins; a parameter that none matches has rate scale 1 and the
/// optimizer's own weight decay.
/// </summary>
/// <param name="Matches">Whether a parameter of this name and shape belongs to the group.</param>
/// <param name="RateScale">Factor on the learning rate.</param>
/// <param name="WeightDecay">Weight decay of the group; null means the optimizer's own.</param>
public sealed record ParameterGroup(Func<string, Shape, bool> Matches, double RateScale = 1, double? WeightDecay = null);

/// <summary>Ready-made lists of groups.</summary>
public static class ParameterGroups
{
    /// <summary>
    /// The rule of DCLS networks: positions and sigmas learn faster and are not decayed; biases and vectors (norms, layer scales) are not decayed either. Sigmas learn as
    /// fast as positions unless they are given a scale of their own.
    /// </summary>
    public static IReadOnlyList<ParameterGroup> Dcls(double positionRateScale = 5, double? sigmaRateScale = null) =>
    [
        new(static (name, _) => LastPart(name) == "P", positionRateScale, 0),
        new(static (name, _) => LastPart(name) == "SIG", sigmaRateScale ?? positionRateScale, 0),
        new(static (name, shape) => shape.Rank <= 1 || LastPart(name) == "bias", 1, 0),
    ];

    /// <summary>The same groups, divided by layer: a parameter of layer l of 0 … L learns at decay^(L − l) of its group's rate. Parameters that no group matches make one more.</summary>
    public static IReadOnlyList<ParameterGroup> ByLayer(IReadOnlyList<ParameterGroup> groups, ILayered model, double decay) =>
    [
        .. groups.Append(new(static (_, _) => true)).SelectMany(g => Enumerable.Range(0, model.Layers + 1).Select(
            layer => g with { Matches = (name, shape) => model.LayerOf(name) == layer && g.Matches(name, shape), RateScale = g.RateScale * Math.Pow(decay, model.Layers - layer) })),
    ];

    /// <summary>True for names of DCLS positions and sigmas: their last part is P or SIG.</summary>
    public static bool IsPosition(string name) => LastPart(name) is "P" or "SIG";

    static string LastPart(string name) => name[(name.LastIndexOf('.') + 1)..];
}
