using System.Runtime.CompilerServices;

namespace MiniTorch.Models;

/// <summary>
/// LAMB as timm runs it: gradients divided by max(1, ‖g‖ / limit) over all groups, u = m̂ / (√v̂ + ε) + λp, p −= η·r·u, with the trust ratio r = ‖p‖ / ‖u‖
/// per parameter (1 where either norm is 0, and where weight decay is 0). Positions, biases and norms without decay thus take plain Adam steps.
/// Source: You et al. (2020).
/// </summary>
public sealed unsafe partial class Lamb : Optimizer
{
    readonly record struct Trusted(Pointer P, Pointer U, Pointer Squares, Pointer Coefficients, int Count) : IMember;

    readonly record struct TrustArgs(Members<Trusted> Members) : ICost
    {
        public Cost Cost(int size) => new(0, 3.0 * size * Members.Elements, Members.Count);
    }

    static readonly Kernel<UpdateArgs> direction = Kernel<UpdateArgs>.OnSingle<UpdateBody<Rule>, UpdateCuda<Rule>>("Lamb.direction");
    static readonly Kernel<TrustArgs> apply = Kernel<TrustArgs>.OnSingle<ApplyBody, ApplyCuda>("Lamb.apply");

    readonly double beta2, epsilon;
    readonly bool alwaysAdapt;
    readonly double? gradientLimit;
    readonly GradientNorm norms;
    readonly MemberTable<Trusted> table;

    /// <summary>LAMB with timm's defaults; a null limit leaves the gradients alone.</summary>
    public Lamb(IEnumerable<(string Name, Tensor Value)> parameters, double rate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-6,
        double weightDecay = 0.01, double? gradientLimit = 1, bool alwaysAdapt = false, IReadOnlyList<ParameterGroup>? groups = null)
        : this([.. parameters], rate, beta1, beta2, epsilon, weightDecay, gradientLimit, alwaysAdapt, groups) { }

    Lamb((string Name, Tensor Value)[] parameters, double rate, double beta1, double beta2, double epsilon, double weightDecay, double? gradientLimit,
        bool alwaysAdapt, IReadOnlyList<ParameterGroup>? groups) : base(parameters, rate, weightDecay, groups, ["m", "v"])
    {
        Momentum = beta1;
        (this.beta2, this.epsilon, this.gradientLimit, this.alwaysAdapt) = (beta2, epsilon, gradientLimit, alwaysAdapt);
        norms = new(2 * parameters.Length, parameters[0].Value.Device);
        table = new(parameters[0].Value.Device);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        norms.Dispose();
        table.Dispose();
        base.Dispose();
    }

    private protected override (double Most, double Added)? Limit => gradientLimit is { } most ? (most, 0) : base.Limit;

    private protected override void Fill(double rate, double decay, Span<double> k)
    {
        k[Rule.Beta1] = Momentum;
        k[Rule.Beta2] = beta2;
        k[Rule.Epsilon] = epsilon;
        k[Rule.Mean] = 1 / (1 - Math.Pow(Momentum, Steps));
        k[Rule.Root] = 1 / Math.Sqrt(1 - Math.Pow(beta2, Steps));
        k[Rule.Decay] = decay;
        k[Rule.Rate] = rate;
        k[Rule.Adapts] = decay != 0 || alwaysAdapt ? 1 : 0;
    }

    private protected override void Move(Member[] moved, Tensor scale)
    {
        using Step step = Step.Begin();
        Tensor first = moved[0].Value;
        Tensor[] u = [.. moved.Select(static m => Tensor.Like(m.Value))];
        Launch(direction, 2, scale, [.. moved.Select((m, i) => new UpdateMember(m.Value, m.Value.Gradient, m.State(0), m.State(1), u[i], m.Group.Coefficients, m.Value.Count))]);
        norms.Square([.. moved.SelectMany<Member, Tensor>((m, i) => [m.Value, u[i]])]);
        Members<Trusted> trusted = table.Of(
            [.. moved.Select((m, i) => new Trusted(m.Value.InPlace(), u[i], norms.Squares.View([2], 2 * i), m.Group.Coefficients, m.Value.Count))]);
        apply.Launch(first.Device, first.DType, new(trusted));
    }

    struct Rule : IUpdateRule
    {
        internal const int Beta1 = 0, Beta2 = 1, Epsilon = 2, Mean = 3, Root = 4, Decay = 5, Rate = 6, Adapts = 7;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Next<V>(V p, V g, ref V m, ref V v, ref V u, in Coefficients<V> k) where V : struct, IReal<V>
        {
            m = V.MultiplyAdd(k[Beta1], m - g, g);
            v = V.MultiplyAdd(k[Beta2], v - g * g, g * g);
            u = V.MultiplyAdd(k[Decay], p, m * k[Mean] / (V.Sqrt(v) * k[Root] + k[Epsilon]));
            return p;
        }
    }

    struct ApplyBody : ICpuKernel<TrustArgs>
    {
        public static void Run<T, V>(CpuDevice device, in TrustArgs args) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(args.Members.Blocks, args, &Block<T, V>);

        static void Block<T, V>(in TrustArgs args, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            ref readonly Trusted member = ref args.Members.Find(block, out int i, out int end);
            double* k = member.Coefficients.As<double>(), squares = member.Squares.As<double>();
            double ratio = k[Rule.Adapts] != 0 && squares[0] > 0 && squares[1] > 0 ? Math.Sqrt(squares[0]) / Math.Sqrt(squares[1]) : 1, step = k[Rule.Rate] * ratio;
            T* p = member.P.As<T>(), u = member.U.As<T>();
            for (; i <= end - V.Count; i += V.Count) (V.Load(p + i) - V.Of(step) * V.Load(u + i)).Store(p + i);
            for (; i < end; i++) p[i] -= T.CreateTruncating(step) * u[i];
        }
    }
}
