using MiniTorch.Ops;

namespace MiniTorch.Tests.Cases;

public sealed class DelayCases : IOpCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("delay conv of spikes", [Spikes([9, 3, 7], 0.2), new([5, 7, 4]), new([4])], x => x[0].DelayConv(x[1], x[2])),
        new("delay conv of spikes to many", [Spikes([6, 2, 70], 0.1), new([7, 70, 37])], x => x[0].DelayConv(x[1])) { Epsilon = 1e-4 },
        new("delay conv of spikes, late", [Spikes([5, 2, 3], 0.2), new([3, 3, 6]), new([6])], x => x[0].DelayConv(x[1], x[2], after: 11)),
        new("delay conv of spikes, early", [Spikes([8, 3, 5], 0.2), new([11, 5, 2])], x => x[0].DelayConv(x[1], after: 0)),
        new("delay conv of silence", [new([4, 2, 3]) { Values = new double[24], Differentiable = false }, new([3, 3, 6]), new([6])], x => x[0].DelayConv(x[1], x[2])),
        new("delay conv of currents", [new([9, 3, 7]), new([5, 7, 4]), new([4])], x => x[0].DelayConv(x[1], x[2])),
        new("delay conv of currents to many", [new([13, 40, 7]), new([4, 7, 37]), new([37])], x => x[0].DelayConv(x[1], x[2], after: 2)) { Epsilon = 1e-3 },
        new("delay conv of few currents by a long kernel", [new([3, 2, 5]), new([9, 5, 4])], x => x[0].DelayConv(x[1], after: 0)),
        new("delay conv without delay", [Spikes([7, 3, 5], 0.2), new([1, 5, 4])], x => x[0].DelayConv(x[1])),
        new("delay conv of no sequences", [new([5, 0, 3]), new([3, 3, 4]), new([4])], x => x[0].DelayConv(x[1], x[2])),
        Rounded("rounded delays", [9, 3, 7], 0.2, [1, 7, 4], 5),
        Rounded("rounded delays, taps beyond the window, late", [6, 2, 5], 0.3, [2, 5, 300], 3, after: 4),
        Rounded("rounded delays, early", [8, 2, 3], 1, [3, 3, 6], 11, after: 0),
        Rounded("rounded delays of no sequences", [8, 0, 3], 1, [1, 3, 6], 3),
    ];

    /// <summary>Without gradient: whole delays have none.</summary>
    static OpCase Rounded(string name, Shape x, double rate, Shape taps, int size, int? after = null) => new(name,
        [Spikes(x, rate) with { Differentiable = false }, new(taps) { Differentiable = false }, new(taps, -4, 4) { Differentiable = false }, new([taps[2]]) { Differentiable = false }],
        v => RoundedDelays.Of(v[0], v[1], v[2], size, v[3], after));

    /// <summary>Mostly zeros; what is not is 1 or 1.25, as after dropout.</summary>
    static CaseInput Spikes(Shape shape, double rate)
    {
        RandomStream random = new(7, (uint)shape.Count);
        double[] values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++) values[i] = random.NextDouble() >= rate ? 0 : random.NextDouble() < 0.5 ? 1 : 1.25;
        return new(shape) { Values = values };
    }
}
