using System.Globalization;
using System.Runtime.InteropServices;
using MiniTorch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;
using F = TorchSharp.torch.nn.functional;

namespace Peers;

/// <summary>A network on one batch: its logits, or a training step (forward, cross-entropy, backward, optimizer, positions clamped).</summary>
abstract class NetworkWork : TorchWork
{
    readonly Tensor input, labels;
    readonly IReadOnlyDictionary<string, Tensor> tensors;
    readonly Dictionary<string, Tensor> trained = [];
    readonly AdamByHand? optimizer;
    readonly long limit;
    readonly bool whole;

    /// <summary>Takes the tensors of the network under their names in files; those that are learned are trained if the work's name asks for it. Whole: as ours names what is compared in its length.</summary>
    protected NetworkWork(Safetensors file, string name, Tensor input, IReadOnlyDictionary<string, Tensor> tensors, Func<string, bool> isLearned, double positionRate, bool decoupled, long limit, bool whole)
    {
        (this.input, this.tensors, this.limit, this.whole) = (input, tensors, limit, whole);
        labels = tensor(Array.ConvertAll(MemoryMarshal.Cast<byte, int>(file.Tensors["labels"].Bytes.Span).ToArray(), static l => (long)l));
        if (!name.EndsWith("train_step", StringComparison.Ordinal)) return;
        foreach ((string key, Tensor p) in tensors)
        {
            if (!isLearned(key)) continue;
            p.requires_grad = true;
            trained[key] = p;
        }
        double rate = double.Parse(file.Metadata["rate"], CultureInfo.InvariantCulture), decay = double.Parse(file.Metadata["decay"], CultureInfo.InvariantCulture);
        optimizer = new(trained, rate, decay, positionRate, decoupled);
    }

    /// <summary>The logits of a batch.</summary>
    protected abstract Tensor Forward(Tensor input);

    /// <summary>True if a step is trained.</summary>
    protected bool IsTraining => optimizer is not null;

    internal override long OperandBytes => Bytes([.. tensors.Values, input]) + (optimizer?.Bytes ?? 0);

    internal override void Run()
    {
        if (optimizer is null)
        {
            using IDisposable off = inference_mode();
            using Tensor logits = Forward(input);
            Result(Name("logits"), logits);
            return;
        }
        optimizer.Forget();
        using (Tensor logits = Forward(input))
        using (Tensor loss = F.cross_entropy(logits, labels))
        {
            Result("loss", loss);
            loss.backward();
        }
        optimizer.Update();
        using IDisposable still = no_grad();
        foreach ((string name, Tensor p) in trained)
            if (name.EndsWith(".P", StringComparison.Ordinal)) p.clamp_(-limit, limit);
    }

    internal override Dictionary<string, StoredTensor> Results(Action done)
    {
        Dictionary<string, StoredTensor> all = base.Results(done);
        foreach ((string name, Tensor p) in trained)
        {
            using Tensor? gradient = p.grad;
            all[Name("d " + name)] = Store(gradient!);
            if (!whole) all["new " + name] = Store(p);
        }
        return all;
    }

    public override void Dispose()
    {
        foreach (Tensor x in tensors.Values) x.Dispose();
        input.Dispose();
        labels.Dispose();
        optimizer?.Dispose();
    }

    string Name(string result) => whole ? "whole " + result : result;
}
