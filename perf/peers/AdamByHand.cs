using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Peers;

/// <summary>
/// Adam or AdamW in place, operation by operation as PyTorch's default for CPUs does it. Positions and widths learn faster, and neither they nor vectors decay: the rule of the
/// published trainings. The decay of AdamW is decoupled; Adam's is part of the gradient.
/// </summary>
sealed class AdamByHand : IDisposable
{
    const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    sealed record Member(Tensor Value, Tensor Mean, Tensor Square, double Rate, double Decay);

    readonly List<Member> members = [];
    int steps;

    readonly bool decoupled;

    internal AdamByHand(IReadOnlyDictionary<string, Tensor> parameters, double rate, double decay, double positionRate, bool decoupled)
    {
        this.decoupled = decoupled;
        foreach ((string name, Tensor p) in parameters)
        {
            bool position = name.EndsWith(".P", StringComparison.Ordinal) || name.EndsWith(".SIG", StringComparison.Ordinal);
            members.Add(new(p, zeros_like(p).detach(), zeros_like(p).detach(), position ? positionRate * rate : rate, position || p.dim() <= 1 ? 0 : decay));
        }
    }

    /// <summary>Bytes of the moments.</summary>
    internal long Bytes => members.Sum(static m => 2 * sizeof(float) * m.Value.numel());

    internal void Update()
    {
        using IDisposable off = no_grad();
        steps++;
        double correction = 1 - Math.Pow(Beta1, steps), root = Math.Sqrt(1 - Math.Pow(Beta2, steps));
        foreach (Member m in members)
        {
            using Tensor? g = m.Value.grad;
            if (m.Decay > 0 && decoupled) m.Value.mul_(1 - m.Rate * m.Decay);
            else if (m.Decay > 0) g!.add_(m.Value, m.Decay);
            m.Mean.lerp_(g!, 1 - Beta1);
            m.Square.mul_(Beta2).addcmul_(g!, g!, 1 - Beta2);
            using Tensor size = m.Square.sqrt();
            size.div_(root).add_(Epsilon);
            m.Value.addcdiv_(m.Mean, size, -m.Rate / correction);
        }
    }

    /// <summary>Lets go of the gradients, so that the next backward gives new ones instead of adding to them.</summary>
    internal void Forget()
    {
        foreach (Member m in members) m.Value.grad = null;
    }

    public void Dispose()
    {
        foreach (Member m in members)
        {
            m.Mean.Dispose();
            m.Square.Dispose();
        }
    }
}
