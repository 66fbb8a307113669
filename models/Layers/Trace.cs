namespace MiniTorch.Models;

/// <summary>What one layer did in a traced forward pass: its path, kind, output shape, own parameters, and multiply-accumulates, all and those that touch data and not padding.</summary>
public sealed record LayerTrace(string Path, string Kind, Shape Output, long Parameters, long Macs, long Touching);

/// <summary>Observes forward passes on this thread: the source of model summaries. Layers with parameters report themselves; costs nothing while off.</summary>
public static class Trace
{
    [ThreadStatic] static List<LayerTrace>? active;

    /// <summary>Runs a forward pass and returns what its layers reported, in order.</summary>
    public static IReadOnlyList<LayerTrace> Of(Action forward)
    {
        List<LayerTrace> all = active = [];
        try
        {
            forward();
        }
        finally
        {
            active = null;
        }
        return all;
    }

    /// <summary>Reports a layer's output and hands it through; a layer with parameters ends its Forward with this.</summary>
    public static Tensor Report(Tensor y, string path, string kind, long parameters = 0, long macs = 0, long? touching = null)
    {
        active?.Add(new(path, kind, y.Shape, parameters, macs, touching ?? macs));
        return y;
    }
}
