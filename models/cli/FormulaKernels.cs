using System.Reflection;
using MiniTorch.Cuda;
using MiniTorch.Ops;

namespace MiniTorch.Cli;

/// <summary>
/// Every CUDA kernel with a formula, for each type of elements that its frame was compiled for, found by looking for fields that hold one: generic types are closed with every formula of the assemblies that fits. Formulas with fields are
/// made with some constants.
/// </summary>
static class FormulaKernels
{
    const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The assemblies that have kernels.</summary>
    internal static IReadOnlyList<Assembly> Assemblies { get; } = [typeof(Device).Assembly, typeof(Silu).Assembly, typeof(Models.Trainer).Assembly];

    static readonly Type[] types = [.. Assemblies.SelectMany(static a => a.GetTypes())];

    /// <summary>Who holds the kernel, the kernel, and the struct it is launched with; each pair of holder and kernel once.</summary>
    internal static IEnumerable<(string Owner, CudaFunction Function, Type Args)> All => Found().DistinctBy(static k => (k.Owner, k.Function.Entry));

    static IEnumerable<(string Owner, CudaFunction Function, Type Args)> Found() =>
        from owner in types.SelectMany(Closed)
        from field in owner.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
        where field.FieldType.IsGenericType
        from kernel in Kernels(field.FieldType, () => field.GetValue(null))
        select (Told(owner), kernel.Function, kernel.Args);

    static IEnumerable<(CudaFunction Function, Type Args)> Kernels(Type type, Func<object?> held)
    {
        if (type.GetGenericTypeDefinition() == typeof(Flat<>)) return Kernels(type.GetField("kernel", Any)!.FieldType, () => type.GetField("kernel", Any)!.GetValue(held()));
        if (type.GetGenericTypeDefinition() != typeof(FormulaKernel<,>)) return [];
        object kernel = held()!;
        return from element in (Type[])[typeof(float), typeof(BFloat16)]
               where (bool)type.GetMethod("Takes", Any)!.MakeGenericMethod(element).Invoke(kernel, [])!
               select ((CudaFunction)type.GetMethod("For", Any)!.MakeGenericMethod(element).Invoke(kernel, [Made(type.GenericTypeArguments[0]), null])!, type.GenericTypeArguments[1]);
    }

    /// <summary>The type itself, or closed with everything that it may be closed with.</summary>
    static IEnumerable<Type> Closed(Type type)
    {
        if (!type.ContainsGenericParameters) return [type];
        if (type.GetGenericArguments() is not [Type parameter] || parameter.GetGenericParameterConstraints() is not [.., Type constraint] || constraint == typeof(ValueType)) return [];
        Type[] constraints = parameter.GetGenericParameterConstraints();
        Type[] candidates = [.. types.Where(static t => t is { IsValueType: true, ContainsGenericParameters: false }),
            .. type.Namespace == typeof(Silu).Namespace && constraints.Contains(typeof(IMap)) ? types.Where(static t => t.DeclaringType == typeof(Binary<>)).SelectMany(Closed) : []];
        return candidates.Where(t => constraints.All(c => c.IsAssignableFrom(t))).Select(t => type.MakeGenericType(t));
    }

    /// <summary>A formula whose constants are 0.75, or the flags true.</summary>
    internal static object Made(Type type)
    {
        ConstructorInfo? constructor = type.GetConstructors(Any).FirstOrDefault(static c => c.GetParameters().Length > 0);
        return constructor is null ? Activator.CreateInstance(type)!
            : constructor.Invoke([.. constructor.GetParameters().Select(static p => p.ParameterType == typeof(double) ? 0.75 : p.ParameterType == typeof(bool) ? true : Made(p.ParameterType))]);
    }

    static string Told(Type type) => type.IsGenericType ? $"{type.Name.Split('`')[0]} of {string.Join(" ", type.GenericTypeArguments.Select(Told))}" : type.DeclaringType is { } outer ? $"{outer.Name}.{type.Name}" : type.Name;
}
