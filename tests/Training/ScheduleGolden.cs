using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Parity;

namespace MiniTorch.Tests.Training;

/// <summary>Schedules against the ConvNeXt code and PyTorch, step by step.</summary>
public sealed class ScheduleGolden : IGoldenChecks
{
    public static IEnumerable<(string Kind, Action<GoldenCase> Check)> All =>
        [("schedule cosine_scheduler", Check(Cosine)), ("schedule CosineAnnealingLR", Check(Annealing)), ("schedule OneCycleLR", Check(Cycle))];

    static Action<GoldenCase> Check(Func<GoldenCase, Arguments, ISchedule> make) => c =>
    {
        Arguments a = new(c);
        ISchedule schedule = make(c, a);
        a.Finish();
        int steps = c.Read("lr", Layout.Same).Values.Length;
        c.Check("lr", [.. Enumerable.Range(0, steps).Select(schedule.Rate)]);
        double otherwise = c.Has("optimizer") && c.Text("optimizer") == "SGD" ? 0 : 0.9;
        if (c.HasTensor("momentum")) c.Check("momentum", [.. Enumerable.Range(0, steps).Select(i => schedule.Momentum(i) ?? otherwise)]);
    };

    static CosineSchedule Cosine(GoldenCase c, Arguments a)
    {
        int perEpoch = (int)a.Number("niter_per_ep"), warmUp = (int)a.Number("warmup_epochs", 0) * perEpoch, steps = (int)a.Number("warmup_steps", -1);
        return new(a.Number("base_value"), a.Number("final_value"), (int)a.Number("epochs") * perEpoch, steps > 0 ? steps : warmUp, a.Number("start_warmup_value", 0));
    }

    static CosineAnnealing Annealing(GoldenCase c, Arguments a) => new(c.Number("initial_lr"), (int)a.Number("T_max"), a.Number("eta_min", 0));

    static OneCycle Cycle(GoldenCase c, Arguments a)
    {
        string strategy = a.Text("anneal_strategy", "cos");
        if (strategy is not ("cos" or "linear")) throw c.Unknown("args");
        return new(a.Number("max_lr"), (int)a.Number("total_steps"), a.Number("pct_start", 0.3), strategy == "linear", a.Number("base_momentum", 0.85),
            a.Number("max_momentum", 0.95), a.Number("div_factor", 25), a.Number("final_div_factor", 1e4), a.Flag("three_phase"));
    }

    sealed class Arguments(GoldenCase c)
    {
        readonly JsonElement json = c.Json("args");
        readonly HashSet<string> unread = [.. c.Json("args").EnumerateObject().Select(static p => p.Name)];

        public double Number(string key) => Take(key, out JsonElement v) ? v.GetDouble() : throw new InvalidDataException($"{c.Name}: args has no {key}");
        public double Number(string key, double otherwise) => Take(key, out JsonElement v) ? v.GetDouble() : otherwise;
        public string Text(string key, string otherwise) => Take(key, out JsonElement v) ? v.GetString()! : otherwise;
        public bool Flag(string key) => Take(key, out JsonElement v) && v.GetBoolean();

        public void Finish()
        {
            if (unread.Count > 0) throw new InvalidDataException($"{c.Name}: argument {string.Join(", ", unread)} is not understood");
        }

        bool Take(string key, out JsonElement value)
        {
            unread.Remove(key);
            return json.TryGetProperty(key, out value);
        }
    }
}
