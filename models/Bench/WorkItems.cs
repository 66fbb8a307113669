using System.Text.RegularExpressions;
using MiniTorch.Ops;

namespace MiniTorch.Models.Bench;

/// <summary>All work that is timed: what `dcls bench` measures and what is compared with libtorch.</summary>
static class WorkItems
{
    const int LargeImage = 128, SmallBatch = 8;
    static readonly ConvNeXtOptions tiny = new();

    /// <summary>Operations on a batch of 8 in float32, then networks.</summary>
    internal static IReadOnlyList<WorkItem> All { get; } = [.. Operations(SmallBatch, DType.Float32), .. Models()];

    /// <summary>Those whose name and shape match a regular expression, in any case.</summary>
    internal static IReadOnlyList<WorkItem> Matching(string? filter) => [.. Matching(All, filter)];

    /// <summary>Those of some.</summary>
    internal static IEnumerable<WorkItem> Matching(IEnumerable<WorkItem> items, string? filter)
    {
        if (filter is null) return items;
        Regex regex = new(filter, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        return items.Where(i => regex.IsMatch(i.ToString()));
    }

    /// <summary>The item of a name and a shape.</summary>
    internal static WorkItem Of(string name, string shape)
        => All.FirstOrDefault(i => i.Name == name && i.Shape == shape) ?? throw new ArgumentException($"there is no work item '{name} {shape}'");

    /// <summary>Operations on a batch whose activations are of a type: those of <see cref="All"/>, and those that only GPUs race in.</summary>
    internal static IEnumerable<WorkItem> Single(int batch = SmallBatch, DType type = DType.Float32)
    {
        foreach (WorkItem item in Operations(batch, type)) yield return item;
        foreach (string map in (string[])["C192 H28 k17", "C384 H14 k17", "C768 H7 k17", "C96 H56 k23", "C96 H56 k7"]) yield return Depthwise($"N{batch} {map}", false, 0, type);
        yield return Construction("C768 k23 n26", Interpolation.Gauss, 0);
        Sizes rows = new($"{batch * Extent(0) * Extent(0)}x{tiny.Dims[0]}x{4 * tiny.Dims[0]}");
        double inputs = (double)rows.Extents()[0] * tiny.Dims[0], macs = 4 * inputs * tiny.Dims[0];
        yield return new("linear_gelu_fwdbwd", rows.Text, new(Amount.ForwardAndBackward * macs, type.Size() * (3 + 3 * 4) * inputs), device => new ActivationWorkload(device, rows, type));
    }

    static IEnumerable<WorkItem> Operations(int batch, DType type)
    {
        yield return Depthwise($"N{batch} C96 H56 k17", false, 22.3, type);
        foreach ((string map, double peer) in new[] { ("C96 H56 k17", 51.7), ("C192 H28 k17", 23.8), ("C384 H14 k17", 18.3), ("C768 H7 k17", 8.32), ("C96 H56 k23", 78.4), ("C96 H56 k7", 33.9) })
            yield return Depthwise($"N{batch} {map}", true, peer, type);
        yield return Drawn($"N{batch} C96 H56 k17 n34", false, 22.3, type);
        yield return Drawn($"N{batch} C96 H56 k17 n34", true, 0, type);
        yield return Construction("C768 k17 n34", Interpolation.Bilinear, 9.73);
        yield return Construction("C768 k17 n26", Interpolation.Gauss, 12.7);
        for (int stage = 0; stage < tiny.Dims.Length; stage++)
        {
            (int rows, int narrow) = (batch * Extent(stage) * Extent(stage), tiny.Dims[stage]);
            foreach ((int inputs, int outputs) in new[] { (narrow, 4 * narrow), (4 * narrow, narrow) })
            {
                yield return Product("gemm", rows, inputs, outputs, GemmForm.Forward, type);
                yield return Product("gemm_dx", rows, outputs, inputs, GemmForm.InputGradient, type);
                yield return Product("gemm_dw", inputs, rows, outputs, GemmForm.WeightGradient, type);
            }
        }
        yield return Rows("layer_norm_fwdbwd", $"{batch}x56x56x96", true, 2.85, type);
        yield return Rows("gelu_fwdbwd", $"{batch}x56x56x384", false, 20.6, type);
    }

    static IEnumerable<WorkItem> Models()
    {
        yield return Model("convnext_t", false, 516);
        yield return Model("convnext_t", true, 1936);
        yield return Model("convnext_t_dcls_v0_k17n34", false, 704);
        yield return Model("convnext_t_dcls_v0_k17n34", true, 2539);
        yield return Model("convnext_t_dcls_gauss_k23n26", false, 936);
        yield return Spiking("snn_delays_forward", SnnPass.Forward, 336);
        yield return Spiking("snn_delays_train_step", SnnPass.TrainStep, 1260);
        yield return Spiking("snn_delays_rounded_forward", SnnPass.RoundedForward, 336);
    }

    /// <summary>The forward pass and the training step of a model, on a batch of 8, or of 32 small images.</summary>
    internal static IReadOnlyList<WorkItem> Of(NamedModel model) => [Steps(model, training: false), Steps(model, training: true)];

    static WorkItem Steps(NamedModel model, bool training)
    {
        Shape batch = Shape.Create([model.Sample[0] >= LargeImage ? 8 : 32, .. model.Sample]);
        return new(model.Name + Suffix(training), string.Join('x', batch.Dims.ToArray()), Work(model, batch[0], training), device => new NetworkWorkload(device, model, batch, training), IsModel: true);
    }

    static WorkItem Depthwise(string shape, bool backward, double peerMs, DType type)
    {
        Sizes s = new(shape);
        double map = type.Size() * (double)s['N'] * s['C'] * s['H'] * s['H'], macs = Window(s['H'], s['k']) * s['N'] * s['C'];
        Amount amount = backward ? new(Amount.ForwardAndBackward * macs, 6 * map) : new(macs, 2 * map);     // each direction reads two of x, y, w and writes the third
        return new(backward ? "dw_fwdbwd" : "dw_fwd", shape, amount, device => new DepthwiseWorkload(device, s, backward, type)) { PeerMs = peerMs };
    }

    /// <summary>Bilinear taps drawn and applied: four cells a tap, whose distance from the centre is a quarter of the window on average.</summary>
    static WorkItem Drawn(string shape, bool backward, double peerMs, DType type)
    {
        Sizes s = new(shape);
        double inside = s['H'] - s['k'] / 2 / 2.0, map = type.Size() * (double)s['N'] * s['C'] * s['H'] * s['H'], macs = 4.0 * s['n'] * inside * inside * s['N'] * s['C'];
        Amount amount = backward ? new(Amount.ForwardAndBackward * macs, 6 * map) : new(macs, 2 * map);
        return new(backward ? "dcls_v0_fwdbwd" : "dcls_v0_fwd", shape, amount, device => new DclsWorkload(device, s, Interpolation.Bilinear, backward, type)) { PeerMs = peerMs };
    }

    /// <summary>Drawing and its gradient read the parameters and the kernel's gradient and write the kernel and the parameters' gradients.</summary>
    static WorkItem Construction(string shape, Interpolation version, double peerMs)
    {
        const double Exponential = 16;          // operations
        Sizes s = new(shape);
        double taps = (double)s['C'] * s['n'], cells = s['k'] * s['k'], bytes = 2 * sizeof(float) * ((version.HasSigma ? 5 : 3) * taps + s['C'] * cells);
        // A Gaussian covers the window: per tap one product a cell for the kernel and one for each of the two sums of the gradient, and the exponentials of both axes, twice.
        Amount amount = version.IsCompact ? new(Amount.ForwardAndBackward * 4 * taps, bytes) : new(Amount.ForwardAndBackward * cells * taps, bytes, 2 * 2 * s['k'] * Exponential * taps);
        return new($"construct_{version.Version}_fwdbwd", shape, amount, device => new DclsWorkload(device, s, version, true)) { PeerMs = peerMs };
    }

    static WorkItem Product(string name, int m, int k, int n, GemmForm form, DType type)
    {
        Sizes s = new($"{m}x{k}x{n}");
        return new(name, s.Text, new((double)m * k * n, type.Size() * ((double)m * k + (double)k * n + (double)m * n)), device => new GemmWorkload(device, s, form, type));
    }

    /// <summary>Forward reads x and writes y; backward reads x and dy and writes dx.</summary>
    static WorkItem Rows(string name, string shape, bool norm, double peerMs, DType type)
    {
        Sizes s = new(shape);
        double elements = s.Extents().Aggregate(1.0, static (product, e) => product * e);
        return new(name, shape, new(0, 5 * type.Size() * elements), device => new RowsWorkload(device, s, norm, type)) { PeerMs = peerMs };
    }

    static WorkItem Model(string name, bool training, double peerMs)
    {
        const string Shape = "8x224x224x3";
        NamedModel model = NamedModels.Of(name);
        return new(name + Suffix(training), Shape, Work(model, 8, training), device => new ModelWorkload(device, new(Shape), ((ConvNeXtNetwork)model.Network).Dcls, training), IsModel: true) { PeerMs = peerMs };
    }

    /// <summary>Every layer has (S − 1) / 2 steps more than the one before. The input needs no gradient.</summary>
    static WorkItem Spiking(string name, SnnPass pass, double peerMs)
    {
        const string Shape = "T100 B64 140-256-256-20 d25";
        Sizes s = new(Shape);
        int[] widths = s.Widths();
        double macs = 0;
        for (int layer = 1, time = s['T']; layer < widths.Length; layer++, time += (s['d'] - 1) / 2)
            macs += (double)s['B'] * time * s['d'] * widths[layer - 1] * widths[layer] * (pass != SnnPass.TrainStep ? 1 : layer == 1 ? 2 : 3);
        return new(name, Shape, new(macs), device => new SnnWorkload(device, s, pass), IsModel: true) { PeerMs = peerMs };
    }

    static string Suffix(bool training) => training ? "_train_step" : "_forward";

    static Amount Work(NamedModel model, int batch, bool training) => new((training ? Amount.ForwardAndBackward : Amount.Forward) * batch * model.Size().Touching);

    static int Extent(int stage) => 56 >> stage;

    /// <summary>Multiply-adds of a k×k window at every place of an n×n map, those on padding left out.</summary>
    static double Window(int n, int k)
    {
        double inside = 0;
        for (int i = 0; i < n; i++) inside += Math.Min(n, i + k / 2 + 1) - Math.Max(0, i - k / 2);
        return inside * inside;
    }
}
