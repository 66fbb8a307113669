namespace MiniTorch.Models;

/// <summary>
/// Moves parameters against their gradients. States (moments) are lasting tensors of the optimizer, freed with it, and are saved to and loaded from a file, so
/// that a continued run is the same run. Rates and counters lie in device memory.
/// </summary>
public abstract class Optimizer : IDisposable
{
    /// <summary>What profiles show in place of a layer.</summary>
    internal const string Layer = "optimizer";

    const string StepsName = "steps";

    readonly Group[] groups;
    readonly Tensor coefficients;           // of all groups, so that a step writes them at once
    readonly double[] numbers;
    readonly Member[] members;
    readonly GradientNorm norm;
    readonly MemberTable<UpdateMember> table;
    readonly string[] stateNames;

    /// <summary>Sorts the parameters into groups and makes their states, all zero.</summary>
    private protected Optimizer(IEnumerable<(string Name, Tensor Value)> parameters, double rate, double weightDecay, IReadOnlyList<ParameterGroup>? groups,
        string[] stateNames)
    {
        if (!(rate >= 0)) throw new ArgumentOutOfRangeException(nameof(rate), rate, "a learning rate is not negative");
        (Rate, this.stateNames) = (rate, stateNames);
        (string Name, Tensor Value)[] all = [.. parameters];
        if (all.Length == 0) throw new ArgumentException("an optimizer needs at least one parameter", nameof(parameters));
        foreach ((_, Tensor x) in all) Expect.Alike(all[0].Value, x);
        Device device = all[0].Value.Device;
        ParameterGroup[] rules = [.. groups ?? [], new ParameterGroup(static (_, _) => true)];
        int[] groupOf = [.. all.Select(p => Array.FindIndex(rules, r => r.Matches(p.Name, p.Value.Shape)))], used = [.. groupOf.Distinct().Order()];
        coefficients = Tensor.Lasting([used.Length, Coefficients<int>.Count], DType.Float64, device);
        numbers = new double[coefficients.Count];
        this.groups = [.. used.Select((g, place) => new Group(rules[g].RateScale, rules[g].WeightDecay ?? weightDecay, coefficients.View([Coefficients<int>.Count], place * Coefficients<int>.Count)))];
        members = [.. all.Select((p, i) => new Member(p.Name, p.Value, this.groups[Array.IndexOf(used, groupOf[i])],
            [.. stateNames.Select(_ => Tensor.Lasting(p.Value.Shape, p.Value.DType, device))]))];
        norm = new(members.Length, device);
        table = new(device);
    }

    /// <summary>Learning rate of the next update, before the groups' scales. A schedule sets it.</summary>
    public double Rate { get; set; }

    /// <summary>Momentum, or Adam's beta₁, of the next update. A schedule may set it.</summary>
    public double Momentum { get; set; }

    /// <summary>The 2-norm of all gradients together is kept to this: they are scaled by min(1, ClipNorm / (norm + 10⁻⁶)). Null: not clipped.</summary>
    public double? ClipNorm { get; set; }

    /// <summary>Updates made so far.</summary>
    public int Steps { get; private set; }

    /// <summary>2-norm of all gradients at the last update, before clipping; 0 if it was not measured (no <see cref="ClipNorm"/>).</summary>
    public double GradientNorm => norm.Result.ToArray<double>()[0];

    /// <summary>Moves every parameter that has a gradient, and marks the gradients as read: the next backward overwrites them.</summary>
    public void Update()
    {
        Advance();
        Apply();
    }

    /// <summary>Counts an update and writes its numbers to the device, where <see cref="Apply"/> finds them: a captured step repeats that alone.</summary>
    internal void Advance()
    {
        Steps++;
        for (int g = 0; g < groups.Length; g++) Fill(Rate * groups[g].RateScale, groups[g].WeightDecay, numbers.AsSpan(g * Coefficients<int>.Count, Coefficients<int>.Count));
        coefficients.Write<double>(numbers);
    }

    /// <summary>The update that was counted.</summary>
    internal void Apply()
    {
        using Profile.Scope layer = Profile.Layer(Layer);
        Member[] moved = [.. members.Where(static m => m.Value.GradientFilled)];
        if (Limit is { } limit)
        {
            norm.Square([.. moved.Select(static m => m.Value.Gradient!)]);
            norm.Limit(limit.Most, limit.Added);
        }
        if (moved.Length > 0) Move(moved, norm.Result.View([1], 1));
        foreach (Member m in moved) m.Value.GradientFilled = false;
    }

    /// <summary>Adds the states to a file, as <c>prefix.m.parameter</c> and so on, and the step count.</summary>
    public void Save(Safetensors file, string prefix = "optimizer")
    {
        file.Metadata[$"{prefix}.{StepsName}"] = Steps.ToString();
        foreach ((string name, Tensor state) in States(prefix)) file.Tensors[name] = StoredTensor.Of(state);
    }

    /// <summary>Takes the states from a file that <see cref="Save"/> filled.</summary>
    public void Load(Safetensors file, string prefix = "optimizer")
    {
        if (!file.Metadata.TryGetValue($"{prefix}.{StepsName}", out string? steps))
            throw new InvalidDataException($"the checkpoint holds no state of an optimizer ('{prefix}.{StepsName}' is missing)");
        foreach ((string name, Tensor state) in States(prefix))
        {
            if (!file.Tensors.TryGetValue(name, out StoredTensor? stored) || stored.Shape != state.Shape)
                throw new InvalidDataException($"the checkpoint has no {name} of shape {state.Shape}; it was made with another optimizer or model");
            state.WriteDoubles(stored.ToDoubles());
        }
        Steps = int.Parse(steps);
    }

    /// <summary>Frees the states.</summary>
    public virtual void Dispose()
    {
        foreach (Member m in members)
            foreach (Tensor state in m.States) state.Free();
        coefficients.Free();
        norm.Dispose();
        table.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The limit on the gradients' norm and what is added to the norm before dividing; null: not measured.</summary>
    private protected virtual (double Most, double Added)? Limit => ClipNorm is { } most ? (most, 1e-6) : null;

    /// <summary>Writes the numbers of the coming update for a group of this rate and decay; called after <see cref="Steps"/> was raised.</summary>
    private protected abstract void Fill(double rate, double decay, Span<double> k);

    /// <summary>Updates these parameters; their gradients are to be multiplied by scale[0].</summary>
    private protected abstract void Move(Member[] moved, Tensor scale);

    /// <summary>One fused pass over all of them with <paramref name="kernel"/>: the usual <see cref="Move"/>.</summary>
    private protected void Launch(Kernel<UpdateArgs> kernel, Member[] moved, Tensor scale) => Launch(kernel, moved[0].States.Length, scale,
        [.. moved.Select(static m => new UpdateMember(m.Value.InPlace(), m.Value.Gradient, m.State(0), m.State(1), m.State(2), m.Group.Coefficients, m.Value.Count))]);

    /// <summary>The pass over what the table is to say, with so many states each.</summary>
    private protected void Launch(Kernel<UpdateArgs> kernel, int states, Tensor scale, ReadOnlySpan<UpdateMember> moved)
    {
        Tensor some = members[0].Value;
        kernel.Launch(some.Device, some.DType, new(table.Of(moved), states, scale));
    }

    IEnumerable<(string Name, Tensor State)> States(string prefix)
        => members.SelectMany(m => stateNames.Select((state, i) => ($"{prefix}.{state}.{m.Name}", m.States[i])));

    private protected sealed record Group(double RateScale, double WeightDecay, Tensor Coefficients);

    private protected sealed record Member(string Name, Tensor Value, Group Group, Tensor[] States)
    {
        internal Pointer State(int i) => i < States.Length ? States[i].InPlace() : default;
    }
}
