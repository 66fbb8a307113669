namespace MiniTorch;

/// <summary>A value and its exact derivative along one direction: the judge of hand-written slopes. (x, 1) differentiates with respect to x.</summary>
public readonly struct Dual(double value, double slope) : IReal<Dual>
{
    /// <summary>f(x).</summary>
    public double Value { get; } = value;

    /// <summary>f′(x).</summary>
    public double Slope { get; } = slope;

    /// <inheritdoc/>
    public static bool IsSingle => false;
    /// <inheritdoc/>
    public static Dual Of(double value) => new(value, 0);
    /// <inheritdoc/>
    public static Dual operator +(Dual a, Dual b) => new(a.Value + b.Value, a.Slope + b.Slope);
    /// <inheritdoc/>
    public static Dual operator -(Dual a, Dual b) => new(a.Value - b.Value, a.Slope - b.Slope);
    /// <inheritdoc/>
    public static Dual operator *(Dual a, Dual b) => new(a.Value * b.Value, a.Slope * b.Value + a.Value * b.Slope);
    /// <inheritdoc/>
    public static Dual operator /(Dual a, Dual b) => new(a.Value / b.Value, (a.Slope - a.Value / b.Value * b.Slope) / b.Value);
    /// <inheritdoc/>
    public static Dual operator -(Dual a) => new(-a.Value, -a.Slope);
    /// <inheritdoc/>
    public static Dual MultiplyAdd(Dual a, Dual b, Dual c) => a * b + c;
    /// <inheritdoc/>
    public static Dual Min(Dual a, Dual b) => a.Value < b.Value ? a : b;
    /// <inheritdoc/>
    public static Dual Max(Dual a, Dual b) => a.Value > b.Value ? a : b;
    /// <inheritdoc/>
    public static Dual Abs(Dual a) => new(Math.Abs(a.Value), double.IsNaN(a.Value) ? a.Value : Math.Sign(a.Value) * a.Slope);
    /// <inheritdoc/>
    public static Dual Sqrt(Dual a) => new(Math.Sqrt(a.Value), a.Slope / (2 * Math.Sqrt(a.Value)));
    /// <inheritdoc/>
    public static Dual Floor(Dual a) => new(Math.Floor(a.Value), 0);
    /// <inheritdoc/>
    public static Dual Exp(Dual a) => new(Math.Exp(a.Value), Math.Exp(a.Value) * a.Slope);
    /// <inheritdoc/>
    public static Dual Log(Dual a) => new(Math.Log(a.Value), a.Slope / a.Value);
    /// <inheritdoc/>
    public static Dual Erf(Dual a) => new(Elementary.Erf(a.Value), 2 / Math.Sqrt(Math.PI) * Math.Exp(-a.Value * a.Value) * a.Slope);
    /// <inheritdoc/>
    public static Dual Tanh(Dual a) => new(Math.Tanh(a.Value), (1 - Math.Tanh(a.Value) * Math.Tanh(a.Value)) * a.Slope);
    /// <inheritdoc/>
    public static Dual Greater(Dual a, Dual b) => new(a.Value > b.Value ? 1 : 0, 0);
    /// <inheritdoc/>
    public static Dual Equal(Dual a, Dual b) => new(a.Value == b.Value ? 1 : 0, 0);
    /// <inheritdoc/>
    public static Dual Select(Dual mask, Dual a, Dual b) => mask.Value != 0 ? a : b;
}
