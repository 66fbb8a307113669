using System.Reflection;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Gradients;

/// <summary>Every formula of the ops, found by looking for it, against the exact derivative of its value by dual numbers.</summary>
public sealed class FormulaTests
{
    const double Tolerance = 1e-12;

    /// <summary>Constants that formulas with fields are made with, in the order of their constructor.</summary>
    static readonly double[][] constants = [[-1.25, 1.5], [3, 4], [0.5, 0.75]];

    /// <summary>Off the kinks; where a formula is undefined (a logarithm below 0) a point is skipped.</summary>
    static readonly double[] points = [-7.3, -2.7, -0.83, -0.01, 0.02, 0.37, 1.61, 2.9, 11.5];

    public static TheoryData<string> Unary => [.. Formulas(typeof(IUnary)).Select(static t => t.FullName!)];

    public static TheoryData<string> Binary => [.. Formulas(typeof(IBinary)).Select(static t => t.FullName!)];

    static IEnumerable<Type> Formulas(Type kind) => typeof(Silu).Assembly.GetTypes()
        .Where(t => t is { IsValueType: true, ContainsGenericParameters: false } && kind.IsAssignableFrom(t));

    static IEnumerable<object> Instances(string type)
    {
        Type t = typeof(Silu).Assembly.GetType(type)!;
        ConstructorInfo? constructor = t.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .FirstOrDefault(static c => c.GetParameters().Length > 0);
        if (constructor is null) return [Activator.CreateInstance(t)!];
        ParameterInfo[] parameters = constructor.GetParameters();
        Assert.All(parameters, static p => Assert.Equal(typeof(double), p.ParameterType));
        return constants.Select(c => constructor.Invoke([.. c.Take(parameters.Length).Cast<object>()]));
    }

    static void Run(string method, string type)
    {
        foreach (object formula in Instances(type))
            typeof(FormulaTests).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(formula.GetType()).Invoke(null, [formula]);
    }

    [Theory, MemberData(nameof(Unary))]
    public void Slope_of_one_variable_agrees_with_dual_numbers(string type) => Run(nameof(CheckUnary), type);

    [Theory, MemberData(nameof(Binary))]
    public void Slopes_of_two_variables_agree_with_dual_numbers(string type) => Run(nameof(CheckBinary), type);

    static void CheckUnary<F>(F formula) where F : struct, IUnary
    {
        int compared = 0;
        foreach (double x in points)
        {
            Dual y = formula.Value(new Dual(x, 1));
            if (!double.IsFinite(y.Value)) continue;
            double slope = formula.Slope(Dual.Of(F.SlopeFromOutput ? y.Value : x)).Value;
            Close(y.Slope, slope, $"{typeof(F).Name} at {x}");
            compared++;
        }
        Assert.True(compared >= 5, $"{typeof(F).Name}: only {compared} points are in its domain");
    }

    static void CheckBinary<F>(F formula) where F : struct, IBinary
    {
        foreach (double a in points)
            foreach (double b in points)
            {
                if (a == b) continue;
                double slopeA = formula.SlopeA(Dual.Of(a), Dual.Of(b)).Value, slopeB = formula.SlopeB(Dual.Of(a), Dual.Of(b)).Value;
                Close(formula.Value(new Dual(a, 1), Dual.Of(b)).Slope, slopeA, $"{typeof(F).Name} by a at ({a}, {b})");
                Close(formula.Value(Dual.Of(a), new Dual(b, 1)).Slope, slopeB, $"{typeof(F).Name} by b at ({a}, {b})");
            }
    }

    static void Close(double expected, double actual, string what)
        => Assert.True(Math.Abs(expected - actual) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{what}: slope {actual}, dual numbers say {expected}");
}
