using System.Runtime.CompilerServices;

namespace MiniTorch.Models;

/// <summary>
/// Stochastic gradient descent: g' = g + λp, b = μb + (1−δ)g' (b = g' at the first update), p −= η·b, or η·(g' + μb) with Nesterov's momentum.
/// </summary>
public sealed class Sgd : Optimizer
{
    static readonly Kernel<UpdateArgs> update = Kernel<UpdateArgs>.OnSingle<UpdateBody<Rule>, UpdateCuda<Rule>>("Sgd.update");

    readonly double dampening;
    readonly bool nesterov, hasMomentum;

    /// <summary>Plain descent, or with momentum μ, dampening δ and weight decay λ.</summary>
    public Sgd(IEnumerable<(string Name, Tensor Value)> parameters, double rate, double momentum = 0, double dampening = 0, double weightDecay = 0,
        bool nesterov = false, IReadOnlyList<ParameterGroup>? groups = null)
        : base(parameters, rate, weightDecay, groups, momentum != 0 ? ["b"] : [])
    {
        if (nesterov && (momentum <= 0 || dampening != 0)) throw new ArgumentException("Nesterov's momentum needs a momentum above 0 and no dampening", nameof(nesterov));
        Momentum = momentum;
        (this.dampening, this.nesterov, hasMomentum) = (dampening, nesterov, momentum != 0);
    }

    private protected override void Fill(double rate, double decay, Span<double> k)
    {
        k[Rule.Rate] = rate;
        k[Rule.Decay] = decay;
        k[Rule.Keep] = Steps == 1 ? 0 : Momentum;
        k[Rule.Take] = Steps == 1 ? 1 : 1 - dampening;
        k[Rule.OfGradient] = !hasMomentum || nesterov ? 1 : 0;
        k[Rule.OfBuffer] = !hasMomentum ? 0 : nesterov ? Momentum : 1;
    }

    private protected override void Move(Member[] moved, Tensor scale) => Launch(update, moved, scale);

    struct Rule : IUpdateRule
    {
        internal const int Rate = 0, Decay = 1, Keep = 2, Take = 3, OfGradient = 4, OfBuffer = 5;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Next<V>(V p, V g, ref V buffer, ref V unused1, ref V unused2, in Coefficients<V> k) where V : struct, IReal<V>
        {
            g = V.MultiplyAdd(k[Decay], p, g);
            buffer = V.MultiplyAdd(k[Keep], buffer, k[Take] * g);
            return p - k[Rate] * (k[OfGradient] * g + k[OfBuffer] * buffer);
        }
    }
}
