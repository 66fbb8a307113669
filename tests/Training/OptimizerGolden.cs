using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Parity;

namespace MiniTorch.Tests.Training;

/// <summary>Ten steps of each optimizer against PyTorch and timm.</summary>
public sealed class OptimizerGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        [("optim Adam", Check), ("optim AdamW", Check), ("optim SGD", Check), ("optim Lamb", Check)];

    static void Check(GoldenCase c)
    {
        if (c.Text("lr_per_step") != "constant") throw c.Unknown("lr_per_step");
        string[] names = [.. c.Tensors.Where(static t => t.StartsWith("p.", StringComparison.Ordinal)).Select(static t => t[2..])];
        (string Name, Tensor Value)[] parameters = [.. names.Select(n => (n, c.Leaf("p." + n)))];
        using Optimizer optimizer = Make(c, parameters);
        (double[] Values, Shape Shape)[] gradients = [.. names.Select(n => c.Read("g." + n, Layout.Same))];
        List<double>[] path = [.. names.Select(static _ => new List<double>())];
        for (int step = 0; step < c.Int("steps"); step++)
        {
            for (int i = 0; i < names.Length; i++)
            {
                Tensor g = Tensor.Like(parameters[i].Value);
                g.WriteDoubles(gradients[i].Values.AsSpan(step * g.Count, g.Count));
                parameters[i].Value.AddGradient(g);
            }
            optimizer.Update();
            for (int i = 0; i < names.Length; i++) path[i].AddRange(parameters[i].Value.ToDoubles());
        }
        for (int i = 0; i < names.Length; i++) c.Check("traj." + names[i], [.. path[i]]);
    }

    static Optimizer Make(GoldenCase c, (string, Tensor)[] parameters)
    {
        Hyper hyper = new(c, c.Json("hyper"));
        string kind = c.Text("optimizer");
        double rate = hyper.Number("lr", kind == "SGD" ? double.NaN : 1e-3), decay = hyper.Number("weight_decay", kind switch { "AdamW" => 0.01, _ => 0 });
        List<ParameterGroup> groups = [];
        foreach (JsonProperty group in c.Json("group_overrides").EnumerateObject())
        {
            Hyper own = new(c, group.Value);
            groups.Add(new((name, _) => name == group.Name, own.Number("lr", rate) / rate, own.Number("weight_decay", decay)));
            own.Finish();
        }
        (double beta1, double beta2) = hyper.Pair("betas", (0.9, 0.999));
        Optimizer made = kind switch
        {
            "Adam" => new Adam(parameters, rate, beta1, beta2, hyper.Number("eps", 1e-8), decay, hyper.Flag("amsgrad"), groups),
            "AdamW" => new AdamW(parameters, rate, beta1, beta2, hyper.Number("eps", 1e-8), decay, hyper.Flag("amsgrad"), groups),
            "SGD" => new Sgd(parameters, rate, hyper.Number("momentum", 0), hyper.Number("dampening", 0), decay, hyper.Flag("nesterov"), groups),
            "Lamb" => new Lamb(parameters, rate, beta1, beta2, hyper.Number("eps", 1e-6), decay,
                hyper.IsNull("max_grad_norm") ? null : hyper.Number("max_grad_norm", 1), hyper.Flag("always_adapt"), groups),
            _ => throw c.Unknown("optimizer"),
        };
        hyper.Finish();
        return made;
    }

    /// <summary>Arguments of the reference, each of which must be understood.</summary>
    sealed class Hyper(GoldenCase c, JsonElement json)
    {
        readonly HashSet<string> unread = [.. json.EnumerateObject().Select(static p => p.Name)];

        public double Number(string key, double otherwise) => Take(key, out JsonElement v) ? v.GetDouble() : otherwise;
        public bool Flag(string key) => Take(key, out JsonElement v) && v.GetBoolean();
        public bool IsNull(string key) => json.TryGetProperty(key, out JsonElement v) && v.ValueKind == JsonValueKind.Null && unread.Remove(key);
        public (double, double) Pair(string key, (double, double) otherwise) => Take(key, out JsonElement v) ? (v[0].GetDouble(), v[1].GetDouble()) : otherwise;

        public void Finish()
        {
            if (unread.Count > 0) throw new InvalidDataException($"{c.Name}: hyper parameter {string.Join(", ", unread)} is not understood");
        }

        bool Take(string key, out JsonElement value)
        {
            unread.Remove(key);
            return json.TryGetProperty(key, out value);
        }
    }
}
