namespace MiniTorch;

/// <summary>
/// The work of one launch. Flops: two for each multiply-add of a product (taps that fall on padding do not count); what is not a product, such as a norm or an activation, has
/// none and is bound by its bytes. Bytes: every operand read once and every result written once. Shape: the sizes that say what was computed, 25088x96x384.
/// </summary>
public readonly record struct Cost(double Flops, double Bytes, string Shape)
{
    /// <summary>A cost whose shape is given as sizes.</summary>
    public Cost(double flops, double bytes, params ReadOnlySpan<int> sizes) : this(flops, bytes, string.Join('x', sizes.ToArray())) { }

    /// <summary>The shortest time the work can take, in seconds: of its flops at a peak in flop/s or of its bytes at a bandwidth in byte/s, whichever is longer.</summary>
    public double Bound(double peak, double bandwidth) => Math.Max(Flops / peak, Bytes / bandwidth);
}

/// <summary>What a kernel's argument struct implements to tell what a launch with it costs. Only asked while a <see cref="Profile"/> is taken.</summary>
public interface ICost
{
    /// <summary>The cost, for elements of a size in bytes.</summary>
    Cost Cost(int size);
}
