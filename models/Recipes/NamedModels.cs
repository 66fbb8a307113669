namespace MiniTorch.Models;

/// <summary>A model that can be asked for by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Sample">Shape of the samples it is usually given: images [h, w, c], spikes [time, channels].</param>
/// <param name="Network">What it is made of.</param>
public sealed record NamedModel(string Name, int[] Sample, Network Network)
{
    /// <summary>The name that the work of `dcls bench` begins with, if it is timed there.</summary>
    public string? BenchName { get; init; }

    /// <summary>Number of classes it usually tells apart: 1000, or 10 of small grey images, or 20 spoken digits.</summary>
    public int Classes => Sample.Length == 2 ? 20 : Sample[2] == 1 ? 10 : 1000;
}

/// <summary>The models that can be asked for by name: small ones for 28×28 images, and the official sizes.</summary>
public static class NamedModels
{
    static readonly int[] imageNet = [224, 224, 3], fashion = [28, 28, 1], dots = [64, 64, 1], speech = [100, 140], twoSpikes = [48, 2];
    static readonly SnnOptions narrow = new() { Hidden = [64, 64] }, ssc = new() { Hidden = [512, 512, 512], Classes = 35, MaxDelay = 31, Tau = 1.5, Dropout = 0.25 };
    static readonly SnnOptions wide = new() { Hidden = [106, 106] };         // without positions to learn as many parameters as the narrow one
    static readonly ConvNeXtOptions fashionSizes = new() { Depths = [2, 2], Dims = [64, 128], LayerScale = 0 };
    static readonly ConvNeXtOptions nano = new() { Depths = [1, 1], Dims = [8, 16] };
    static readonly ConvNeXtOptions tiny = new() { DropPath = 0.1 };
    static readonly ConvNeXtOptions small1k = new() { Depths = [3, 3, 27, 3], DropPath = 0.4 };
    static readonly ConvNeXtOptions base1k = new() { Depths = [3, 3, 27, 3], Dims = [128, 256, 512, 1024], DropPath = 0.5 };
    static readonly ConvNeXtOptions large = new() { Depths = [3, 3, 27, 3], Dims = [192, 384, 768, 1536], DropPath = 0.5 };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<NamedModel> All { get; } =
    [
        new("convnext_dcls_fashion", fashion, new ConvNeXtNetwork(fashionSizes, new("gauss", 9, 16))),
        new("convnext_fashion", fashion, new ConvNeXtNetwork(fashionSizes)),
        new("convnext_dcls_nano", fashion, new ConvNeXtNetwork(nano, new("v1", 7, 5))),
        new("convnext_nano", fashion, new ConvNeXtNetwork(nano)),
        new("convnext_dcls_tiny", imageNet, new ConvNeXtNetwork(tiny, new("v0", 17, 34))) { BenchName = "convnext_t_dcls_v0_k17n34" },
        new("convnext_dcls_gauss_tiny", imageNet, new ConvNeXtNetwork(tiny, new("gauss", 23, 26))) { BenchName = "convnext_t_dcls_gauss_k23n26" },
        new("convnext_dcls_small", imageNet, new ConvNeXtNetwork(small1k, new("v0", 17, 40))),
        new("convnext_dcls_base", imageNet, new ConvNeXtNetwork(base1k, new("v0", 17, 40))),
        new("convnext_tiny", imageNet, new ConvNeXtNetwork(tiny)) { BenchName = "convnext_t" },
        new("convnext_small", imageNet, new ConvNeXtNetwork(small1k)),
        new("convnext_base", imageNet, new ConvNeXtNetwork(base1k)),
        new("two_dots", dots, new TwoDotsNetwork(31, Dcls: true)),
        new("two_dots_3x3", dots, new TwoDotsNetwork(3, Dcls: false)),
        new("convnext_large", imageNet, new ConvNeXtNetwork(large)),
        new("snn_delays", speech, new SnnNetwork(new())) { BenchName = "snn_delays" },
        new("snn_delays_ssc", speech, new SnnNetwork(ssc)),
        new("snn_delays_small", speech, new SnnNetwork(narrow)),
        new("snn_fixed_delays_small", speech, new SnnNetwork(wide with { Delays = DelayKind.Fixed })),
        new("snn_no_delays_small", speech, new SnnNetwork(wide with { Delays = DelayKind.None })),
        new("snn_recurrent_small", speech, new SnnNetwork(new() { Hidden = [75, 75], Delays = DelayKind.Recurrent })),
        new("two_spikes", twoSpikes, new TwoSpikesNetwork(25)),
    ];

    /// <summary>Their names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(static m => m.Name));

    /// <summary>The model of a name, or of the name it has in `dcls bench`; dashes count as underscores. An <see cref="ArgumentException"/> lists the names there are.</summary>
    public static NamedModel Of(string name) => All.FirstOrDefault(m => m.Name == name.Replace('-', '_') || m.BenchName == name) ?? throw new ArgumentException($"unknown model '{name}'; there is {Names}");
}
