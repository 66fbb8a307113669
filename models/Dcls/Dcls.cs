using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>The form of a DCLS layer: what its subclass fixes. Transposed layers have an output padding.</summary>
sealed record DclsForm(string Kind, int Inputs, int Outputs, int KernelCount, int[] Dense, int[] Size, int[] Stride, int[] Padding, int Groups, bool Bias,
    PaddingMode Mode = PaddingMode.Zeros, int[]? OutputPadding = null, int? FlatDim = null);

/// <summary>
/// Dilated convolution with learnable spacings: a convolution of x [n, *spatial, in] whose kernel is drawn from kernelCount taps for each pair of channels, each with a
/// weight and a learned position (and, for some versions, a width) inside a window of dilatedKernelSize. Parameters: weight [count, *dense, in/g, out] (in files
/// (out, in/g, *dense, count)), P and SIG [axes, count, *dense, in/g, out] (in files (axes, out, in/g, *dense, count)), bias [out]. P is in pixels from the centre and is
/// brought back to ± the half window after each update (see <see cref="Convention"/>). Names, file order and initial values are those of the official package. Source:
/// Khalfaoui-Hassani et al., arXiv 2112.03740 and 2306.00817.
/// </summary>
public abstract partial class Dcls : ILayer, IConstrained
{
    readonly Tensor weight;
    readonly Tensor? bias, mask;
    readonly DclsForm form;
    readonly double[] half;

    private protected Dcls(ParameterScope at, DclsForm form, Interpolation? version, DclsOptions? options, bool spread = false)
    {
        options ??= new();
        (int inputs, int outputs, int groups, int count) = (form.Inputs, form.Outputs, form.Groups, form.KernelCount);
        if (groups < 1 || inputs < 1 || outputs < 1 || inputs % groups != 0 || outputs % groups != 0)
            throw new TensorException($"{form.Kind}: {inputs} inputs and {outputs} outputs must be multiples of {groups} groups");
        if (count < 1) throw new TensorException($"{form.Kind}: a kernel needs at least one element, got a kernel count of {count}");
        foreach (int s in (int[])[.. form.Dense, .. form.Size])
            if (s < 1) throw new TensorException($"{form.Kind}: a kernel size is at least 1, got [{string.Join(", ", [.. form.Dense, .. form.Size])}]");
        if (form.Stride.Any(static s => s < 1) || form.Padding.Any(static p => p < 0))
            throw new TensorException($"{form.Kind}: strides are at least 1 and paddings at least 0, got [{string.Join(", ", form.Stride)}] and [{string.Join(", ", form.Padding)}]");
        (this.form, Version, Convention, Path) = (form, version ?? Interpolation.Gauss, options.Convention, at.Path);
        half = Version.HalfWindow(form.Size, Convention);
        int[] pair = form.OutputPadding is null ? [inputs / groups, outputs] : [outputs / groups, inputs];     // transposed: the weight of the convolution it is the adjoint of
        Shape taps = [count, .. form.Dense, .. pair];
        int fanIn = (int)(taps.Count / pair[1]);
        weight = Declare(options.LearnWeight, "weight", taps, options.WeightInit ?? Inits.FanIn(fanIn), AxisOrder.Taps);
        if (options.Sparsity is not (>= 0 and < 1)) throw new TensorException($"{form.Kind}: sparsity lies in [0, 1), got {options.Sparsity}");
        mask = options.Sparsity > 0 ? at.State("mask", Shape.Create(pair), Inits.Bernoulli(1 - options.Sparsity), AxisOrder.Reversed) : null;
        Shape positions = [form.Size.Length, .. taps.Dims];
        if (options.SharedWith is { } owner)
        {
            if (owner.Version != Version || owner.Convention != Convention || owner.Position.Shape != positions || !owner.half.AsSpan().SequenceEqual(half))
                throw new TensorException($"{form.Kind} at {Path}: shares positions {positions} of version {Version}, {Convention}, within ±[{string.Join(", ", half)}] with a layer that has "
                    + $"{owner.Position.Shape} of version {owner.Version}, {owner.Convention}, within ±[{string.Join(", ", owner.half)}]; share between layers of one form");
            Position = at.Share("P", owner.Position);
            Sigma = owner.Sigma is null ? null : at.Share("SIG", owner.Sigma);
        }
        else
        {
            Position = Declare(options.LearnPosition, "P", positions, Within(options.PositionInit ?? (spread ? Spread : Inits.Normal(0.5))), AxisOrder.Positions);
            if (Version.HasSigma) Sigma = Declare(options.LearnSigma, "SIG", positions, options.SigmaInit ?? Inits.Constant(Version.InitialSig), AxisOrder.Positions);
            at.Constrain(this);
        }
        bias = form.Bias ? at.Parameter("bias", [outputs], options.BiasInit ?? Inits.FanIn(fanIn)) : null;

        Tensor Declare(bool learned, string name, Shape shape, Init init, AxisOrder order) => learned ? at.Parameter(name, shape, init, order) : at.State(name, shape, init, order);
    }

    /// <summary>Where the layer was declared; its parameters are this path and ".weight", ".P", ".SIG", ".bias".</summary>
    public string Path { get; }

    /// <summary>P [axes, count, *dense, in/g, out]: positions in pixels from the centre.</summary>
    public Tensor Position { get; }

    /// <summary>SIG [axes, count, *dense, in/g, out], or null for versions without a width.</summary>
    public Tensor? Sigma { get; }

    /// <summary>True if SIG is trained; false if the version has none or it was declared as a state.</summary>
    public bool LearnsSigma => Sigma is { Trainable: true };

    /// <summary>How taps are drawn.</summary>
    public Interpolation Version { get; }

    /// <summary>Where P = 0 lies.</summary>
    public Convention Convention { get; }

    /// <summary>Taps of a pair of channels (and of each cell of the dense axes).</summary>
    public int KernelCount => form.KernelCount;

    /// <summary>Window in which positions are learned, one size an axis.</summary>
    public IReadOnlyList<int> DilatedKernelSize => form.Size;

    /// <summary>Limit of each row of P, in pixels.</summary>
    public IReadOnlyList<double> HalfWindow => half;

    /// <summary>Weights [count, *dense, in/g, out], 0 where the connection is cut.</summary>
    public Tensor Weight => mask is null ? weight : weight * mask;

    /// <summary>The bias [out], or null without one.</summary>
    public Tensor? Bias => bias;

    /// <summary>What the kernel is drawn from.</summary>
    internal DclsTaps Taps => new(Weight, Position, Sigma, form.Size, Convention);

    /// <summary>The kernel that <see cref="DclsLayers.Draw"/> drew for the running forward pass.</summary>
    internal Tensor? Drawn { get; set; }

    /// <summary>The dense kernel [*kernel, in/g, out] as it is now ([*kernel, out/g, in] of transposed layers), differentiable.</summary>
    public Tensor Kernel() => Flat(Drawn ?? Version.Draw([Taps])[0]);

    /// <inheritdoc/>
    public Tensor Forward(Tensor x)
    {
        using Profile.Scope layer = Profile.Layer(Path);
        return Convolve(x, Kernel(), bias);
    }

    /// <summary>Brings every position back into ± the half window of its row, as the official clamp_parameters does.</summary>
    public void Constrain()
    {
        using Profile.Scope layer = Profile.Layer(Path);
        Positions.Clamp(Position, half);
    }

    /// <summary>Sets every SIG of the layer, for schedules.</summary>
    public void SetSigma(double sig)
    {
        if (Sigma is null) throw new TensorException($"{form.Kind}: version {Version} has no sigma to set");
        Sigma.Fill(sig);
    }

    /// <summary>σ² [1] of a layer whose taps are all equally wide, for what has to be in proportion to it.</summary>
    internal Tensor SquaredSigma()
    {
        Tensor sigma = (Sigma ?? throw new TensorException($"{form.Kind}: version {Version} has no sigma")).Reshape(-1).Slice(0, 0, 1).Abs() + Gauss.NarrowestSigma(form.Dense.Length, Convention);
        return sigma * sigma;
    }

    Tensor Flat(Tensor kernel) => form.FlatDim switch
    {
        null => kernel,
        0 => kernel.Reshape([kernel.Shape[0], 1, .. kernel.Shape.Dims[1..]]),
        _ => kernel.Reshape([1, .. kernel.Shape.Dims]),
    };

    /// <summary>The layer's convolution with a kernel that may have been drawn before, and a bias.</summary>
    internal Tensor Convolve(Tensor x, Tensor kernel, Tensor? bias)
    {
        (kernel, bias) = (kernel.For(x), bias?.For(x));
        Tensor y = form.OutputPadding is null ? Conv.Apply(x, kernel, bias, form.Stride, form.Padding, [], form.Groups, form.Mode)
            : x.ConvTranspose(kernel, bias, form.Stride, form.Padding, form.OutputPadding, [], form.Groups);
        string kind = $"{form.Kind} {string.Join('×', [.. form.Dense, .. form.Size])} of {KernelCount} {form.Inputs} → {form.Outputs}, {Version.Version}"
            + (form.Groups > 1 ? $", {form.Groups} groups" : "");
        long macs = (long)(form.OutputPadding is null ? y : x).Count / kernel.Shape[^1] * kernel.Count;
        return Trace.Report(y, Path, kind, weight.Count + Position.Count + (Sigma?.Count ?? 0) + (bias?.Count ?? 0), macs, form.OutputPadding is null ? Conv.Touching(x, y, kernel, form.Stride, form.Padding, [], form.Mode) : macs);
    }

    /// <summary>Initial positions, clamped; those of a checkpoint are taken as they are.</summary>
    Init Within(Init init) => (random, positions) =>
    {
        init(random, positions);
        int row = positions.Length / half.Length;
        for (int i = 0; i < positions.Length; i++) positions[i] = Math.Clamp(positions[i], -half[i / row], half[i / row]);
    };

    /// <summary>Uniform over the window.</summary>
    void Spread(RandomStream random, Span<double> positions)
    {
        int row = positions.Length / half.Length;
        for (int i = 0; i < positions.Length; i++) positions[i] = half[i / row] * (2 * random.NextDouble() - 1);
    }
}

/// <summary>DCLS on sequences [n, l, in].</summary>
public sealed class Dcls1d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("Dcls1d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(1), (stride ?? 1).For(1), padding.For(1), groups, bias, mode), version, options);

/// <summary>DCLS on images [n, h, w, in].</summary>
public sealed class Dcls2d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("Dcls2d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(2), (stride ?? 1).For(2), padding.For(2), groups, bias, mode), version, options);

/// <summary>DCLS on volumes [n, d, h, w, in].</summary>
public sealed class Dcls3d(ParameterScope at, int inputs, int outputs, int kernelCount, PerAxis dilatedKernelSize, PerAxis? stride = null, PerAxis padding = default,
    int groups = 1, bool bias = true, PaddingMode mode = PaddingMode.Zeros, Interpolation? version = null, DclsOptions? options = null)
    : Dcls(at, new("Dcls3d", inputs, outputs, kernelCount, [], dilatedKernelSize.For(3), (stride ?? 1).For(3), padding.For(3), groups, bias, mode), version, options);
