namespace MiniTorch.Ops;

/// <summary>A surrogate gradient and its α, chosen at run time; see <see cref="ISurrogate"/>.</summary>
public abstract record Surrogate
{
    Surrogate() { }

    /// <summary>Slope (α/2) / (1 + (π/2 · α x)²).</summary>
    public static Surrogate Atan(double alpha = 5) => new Of<AtanSurrogate>(new(Positive(alpha)), "Atan", alpha);

    /// <summary>Slope α s (1 − s) with s = 1 / (1 + e^(−α x)).</summary>
    public static Surrogate Sigmoid(double alpha = 4) => new Of<SigmoidSurrogate>(new(Positive(alpha)), "Sigmoid", alpha);

    /// <summary>Slope 1 / (1 + α |x|)².</summary>
    public static Surrogate FastSigmoid(double alpha = 25) => new Of<FastSigmoidSurrogate>(new(Positive(alpha)), "FastSigmoid", alpha);

    /// <summary>Slope α max(0, 1 − |α x|).</summary>
    public static Surrogate Triangle(double alpha = 1) => new Of<TriangleSurrogate>(new(Positive(alpha)), "Triangle", alpha);

    internal abstract (Tensor Spikes, Tensor Membrane) Run(Tensor x, Tensor? w, NeuronOptions options);

    internal abstract (Tensor Spikes, Tensor Membrane) RunRecurrent(Tensor x, Tensor recurrent, NeuronOptions options);

    static double Positive(double alpha) => double.IsFinite(alpha) && alpha > 0 ? alpha : throw new TensorException($"Surrogate: alpha must be a positive number, got {alpha}");

    sealed record Of<S>(S Formula, string Name, double Alpha) : Surrogate where S : unmanaged, ISurrogate
    {
        internal override (Tensor Spikes, Tensor Membrane) Run(Tensor x, Tensor? w, NeuronOptions options) => NeuronOp<S>.Of(x, w, Formula, options);

        internal override (Tensor Spikes, Tensor Membrane) RunRecurrent(Tensor x, Tensor recurrent, NeuronOptions options) => RecurrentNeuronOp<S>.Of(x, recurrent, Formula, options);

        public override string ToString() => $"{Name}(α = {Alpha})";
    }
}
