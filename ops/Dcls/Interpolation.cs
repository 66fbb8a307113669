namespace MiniTorch.Ops;

/// <summary>How taps between grid cells are drawn: one of four, each known by its own name and by its official short name.</summary>
public abstract class Interpolation
{
    Interpolation() { }

    /// <summary>v0: a tap is shared by its neighbouring cells.</summary>
    public static Interpolation Bilinear { get; } = new Of<Bilinear>();

    /// <summary>v1: a triangle of half-width 1, normalised.</summary>
    public static Interpolation Triangle { get; } = new Of<Triangle>();

    /// <summary>max: a triangle of learned half-width.</summary>
    public static Interpolation TriangleWide { get; } = new Of<TriangleWide>();

    /// <summary>gauss: a Gaussian of learned width, normalised; the official default.</summary>
    public static Interpolation Gauss { get; } = new Of<Gauss>();

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Interpolation> All { get; } = [Bilinear, Triangle, TriangleWide, Gauss];

    /// <summary>The interpolation of a name, official ("v0") or ours ("Bilinear"), in any case.</summary>
    public static Interpolation Parse(string name)
    {
        foreach (Interpolation i in All)
            if (name.Equals(i.Version, StringComparison.OrdinalIgnoreCase) || name.Equals(i.Name, StringComparison.OrdinalIgnoreCase)) return i;
        throw new TensorException($"Interpolation: unknown version '{name}'; there are {string.Join(", ", All)}");
    }

    /// <summary>Bilinear, Triangle, TriangleWide, Gauss.</summary>
    public abstract string Name { get; }

    /// <summary>The official short name: v0, v1, max, gauss.</summary>
    public abstract string Version { get; }

    /// <summary>True if a width SIG is learned beside the position.</summary>
    public abstract bool HasSigma { get; }

    /// <summary>What SIG starts from.</summary>
    public abstract double InitialSig { get; }

    /// <summary>True if a tap reaches only the cells within its width; false if it covers the whole window.</summary>
    public abstract bool IsCompact { get; }

    /// <summary>The learned axis (in memory order) that a row of P drives.</summary>
    public abstract int Axis(int row, int rank, Convention convention = Convention.Centered);

    /// <summary>The half window of each row of P, in pixels: the distance of its zero from the first cell, and its limit. See <see cref="Convention"/>.</summary>
    public double[] HalfWindow(ReadOnlySpan<int> size, Convention convention = Convention.Centered)
    {
        double[] half = new double[size.Length];
        for (int row = 0; row < half.Length; row++) half[row] = convention.Half(size, row, Axis(row, half.Length, convention));
        return half;
    }

    /// <inheritdoc cref="DclsKernel{F}.Draw(ReadOnlySpan{DclsTaps})"/>
    public abstract Tensor[] Draw(ReadOnlySpan<DclsTaps> all);

    /// <summary>Draws one kernel; see <see cref="DclsTaps"/>.</summary>
    public Tensor Draw(Tensor weight, Tensor position, Tensor? sigma, ReadOnlySpan<int> size, Convention convention = Convention.Centered)
        => Draw([new(weight, position, sigma, size.ToArray(), convention)])[0];

    /// <summary>Both names: Bilinear (v0).</summary>
    public override string ToString() => $"{Name} ({Version})";

    sealed class Of<F> : Interpolation where F : struct, IBump
    {
        public override string Name => typeof(F).Name;
        public override string Version => F.Version;
        public override bool HasSigma => F.HasSigma;
        public override double InitialSig => F.InitialSig;
        public override bool IsCompact => F.IsCompact;
        public override int Axis(int row, int rank, Convention convention) => F.Axis(row, rank, convention);
        public override Tensor[] Draw(ReadOnlySpan<DclsTaps> all) => DclsKernel<F>.Draw(all);
    }
}
