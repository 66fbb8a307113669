using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace MiniTorch.Cuda;

/// <summary>
/// A kernel with formulas of type F in its frame; a field of the op. A formula without fields is compiled once. One with fields may take another way for other values of them, and each way
/// is compiled once; the constants themselves come with each launch, so that new values compile nothing.
/// </summary>
sealed class FormulaKernel<F, TArgs>(Type op, string file, string frame, string name) where F : unmanaged, IFormula where TArgs : unmanaged
{
    static readonly bool constant = HasNoField(typeof(F));

    readonly List<(FormulaModule Module, CudaFunction<TArgs> Function)> single = [], brain = [];

    /// <summary>The kernel of elements T for a formula, and what goes first into its launch record.</summary>
    internal CudaFunction<TArgs> For<T>(in F formula, out FormulaConstants constants) where T : unmanaged
    {
        constants = default;
        List<(FormulaModule Module, CudaFunction<TArgs> Function)> ways = typeof(T) == typeof(BFloat16) ? brain : single;
        lock (ways)
        {
            if (constant && ways.Count > 0) return ways[0].Function;
            FormulaTrace trace = FormulaTrace.Of(formula);
            if (!constant) trace.Constants.CopyTo(constants);
            foreach ((FormulaModule module, CudaFunction<TArgs> function) in ways) if (module.Has(trace)) return function;
            string typed = frame + TypedFunction.Suffix<T>(), kernel = $"{typed}_{name.Replace('.', '_')}";
            FormulaModule made = new(op, file, typed, kernel, trace, constant);
            ways.Add((made, made.Function<TArgs>(kernel)));
            return ways[^1].Function;
        }
    }

    /// <summary>True if the frame was compiled for elements T.</summary>
    internal bool Takes<T>() where T : unmanaged => Encoding.UTF8.GetString(new CudaModule(op, file).Read()).Contains($".entry {frame}{TypedFunction.Suffix<T>()}(", StringComparison.Ordinal);

    static bool HasNoField(Type type) => Unsafe.SizeOf<F>() == 1 && !type.IsPrimitive && Array.TrueForAll(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), static f => HasNoField(f.FieldType));
}
