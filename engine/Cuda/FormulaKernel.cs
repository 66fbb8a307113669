using System.Reflection;
using System.Runtime.CompilerServices;

namespace MiniTorch.Cuda;

/// <summary>
/// A kernel with formulas of type F in its frame; a field of the op. A formula without fields is compiled once. One with fields may take another way for other values of them, and each way
/// is compiled once; the constants themselves come with each launch, so that new values compile nothing.
/// </summary>
sealed class FormulaKernel<F, TArgs>(Type op, string file, string frame, string name) where F : unmanaged, IFormula where TArgs : unmanaged
{
    static readonly bool constant = HasNoField(typeof(F));

    readonly List<(FormulaModule Module, CudaFunction<TArgs> Function)> ways = [];

    /// <summary>The kernel for a formula, and what goes first into its launch record.</summary>
    internal CudaFunction<TArgs> For(in F formula, out FormulaConstants constants)
    {
        constants = default;
        lock (ways)
        {
            if (constant && ways.Count > 0) return ways[0].Function;
            FormulaTrace trace = FormulaTrace.Of(formula);
            if (!constant) trace.Constants.CopyTo(constants);
            foreach ((FormulaModule module, CudaFunction<TArgs> function) in ways) if (module.Has(trace)) return function;
            string kernel = $"{frame}_{name.Replace('.', '_')}";
            FormulaModule made = new(op, file, frame, kernel, trace, constant);
            ways.Add((made, made.Function<TArgs>(kernel)));
            return ways[^1].Function;
        }
    }

    static bool HasNoField(Type type) => Unsafe.SizeOf<F>() == 1 && !type.IsPrimitive && Array.TrueForAll(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), static f => HasNoField(f.FieldType));
}
