using System.Runtime.CompilerServices;

namespace MiniTorch.Models;

/// <summary>
/// Adam: m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², p −= η · (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε). AMSGrad takes the largest v so far instead of v.
/// Weight decay λ is added to the gradient, g + λp; <see cref="AdamW"/> takes it from the parameter itself.
/// Source: Kingma, Ba (2015); Reddi et al. (2018).
/// </summary>
public class Adam : Optimizer
{
    static readonly Kernel<UpdateArgs> update = Kernel<UpdateArgs>.OnSingle<UpdateBody<Rule>, UpdateCuda<Rule>>("Adam.update");

    readonly double beta2, epsilon;
    readonly bool decoupled;

    /// <summary>Adam with weight decay in the gradient.</summary>
    public Adam(IEnumerable<(string Name, Tensor Value)> parameters, double rate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 0, bool amsGrad = false, IReadOnlyList<ParameterGroup>? groups = null)
        : this(parameters, rate, beta1, beta2, epsilon, weightDecay, amsGrad, groups, decoupled: false) { }

    private protected Adam(IEnumerable<(string Name, Tensor Value)> parameters, double rate, double beta1, double beta2, double epsilon, double weightDecay,
        bool amsGrad, IReadOnlyList<ParameterGroup>? groups, bool decoupled)
        : base(parameters, rate, weightDecay, groups, amsGrad ? ["m", "v", "vmax"] : ["m", "v"])
    {
        Momentum = beta1;
        (this.beta2, this.epsilon, this.decoupled) = (beta2, epsilon, decoupled);
    }

    private protected override void Fill(double rate, double decay, Span<double> k)
    {
        k[Rule.Beta1] = Momentum;
        k[Rule.Beta2] = beta2;
        k[Rule.Epsilon] = epsilon;
        k[Rule.Rate] = rate / (1 - Math.Pow(Momentum, Steps));
        k[Rule.Root] = 1 / Math.Sqrt(1 - Math.Pow(beta2, Steps));
        k[Rule.InGradient] = decoupled ? 0 : decay;
        k[Rule.OfParameter] = decoupled ? rate * decay : 0;
    }

    private protected override void Move(Member[] moved, Tensor scale) => Launch(update, moved, scale);

    struct Rule : IUpdateRule
    {
        internal const int Beta1 = 0, Beta2 = 1, Epsilon = 2, Rate = 3, Root = 4, InGradient = 5, OfParameter = 6;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Next<V>(V p, V g, ref V m, ref V v, ref V largest, in Coefficients<V> k) where V : struct, IReal<V>
        {
            g = V.MultiplyAdd(k[InGradient], p, g);
            p -= k[OfParameter] * p;
            m = V.MultiplyAdd(k[Beta1], m - g, g);
            v = V.MultiplyAdd(k[Beta2], v - g * g, g * g);
            largest = V.Max(largest, v);            // without AMSGrad it reads as 0, and v is never negative
            return p - k[Rate] * m / (V.Sqrt(largest) * k[Root] + k[Epsilon]);
        }
    }
}

/// <summary>Adam with decoupled weight decay: p −= ηλp, and the gradient stays what it is. Source: Loshchilov, Hutter (2019).</summary>
public sealed class AdamW : Adam
{
    /// <summary>AdamW with the field's usual defaults.</summary>
    public AdamW(IEnumerable<(string Name, Tensor Value)> parameters, double rate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 1e-2, bool amsGrad = false, IReadOnlyList<ParameterGroup>? groups = null)
        : base(parameters, rate, beta1, beta2, epsilon, weightDecay, amsGrad, groups, decoupled: true) { }
}
