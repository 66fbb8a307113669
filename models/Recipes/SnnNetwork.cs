namespace MiniTorch.Models;

/// <summary>A <see cref="SnnDelays"/>.</summary>
/// <param name="Sizes">Its sizes; input channels and classes are taken from the data.</param>
public sealed record SnnNetwork(SnnOptions Sizes) : Network
{
    static readonly int[] second = [100, 140];          // of 10 ms and so many channels
    static readonly SnnOptions ssc = new() { Hidden = [512, 512, 512], MaxDelay = 31, Tau = 1.5, Dropout = 0.25 }, narrow = new() { Hidden = [64, 64], Dropout = 0.2 };
    static readonly SnnOptions wide = narrow with { Hidden = [106, 106] };         // without positions to learn as many parameters as the narrow one

    /// <summary>The official networks for SHD and for SSC and GSC, and small ones to be compared: with learned, with fixed and without delays, and recurrent.</summary>
    internal static IEnumerable<NamedModel> Named =>
    [
        new("snn_delays", second, new SnnNetwork(new SnnOptions())) { BenchName = "snn_delays" },
        new("snn_delays_ssc", second, new SnnNetwork(ssc)) { Classes = 35 },
        new("snn_delays_small", second, new SnnNetwork(narrow)),
        new("snn_fixed_delays_small", second, new SnnNetwork(wide with { Delays = DelayKind.Fixed })),
        new("snn_no_delays_small", second, new SnnNetwork(wide with { Delays = DelayKind.None })),
        new("snn_recurrent_small", second, new SnnNetwork(narrow with { Hidden = [75, 75], Delays = DelayKind.Recurrent })),
    ];

    /// <inheritdoc/>
    public override ILayer Build(ParameterScope at, Shape sample, int classes)
        => sample.Rank == 2 ? new SnnDelays(at, Sizes with { Inputs = sample[1], Classes = classes }) : throw new ArgumentException($"a spiking network takes sequences [time, channels], got samples of {sample}");
}
