using System.Reflection;
using System.Text;
using MiniTorch.Cuda;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>
/// The text of every kernel with a formula, found by looking for fields that hold one: generic types are closed with every formula of the assemblies that fits. Formulas with fields are
/// made with some constants.
/// </summary>
static class FormulaTexts
{
    const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    static readonly Type[] types = [.. new[] { typeof(Device).Assembly, typeof(Silu).Assembly, typeof(MiniTorch.Models.Trainer).Assembly }.SelectMany(static a => a.GetTypes())];

    internal static Dictionary<string, (string Text, string Entry, Type Args)> ByName { get; } = Find();

    public static TheoryData<string> Names => [.. ByName.Keys.Order()];

    static Dictionary<string, (string, string, Type)> Find()
    {
        Dictionary<string, (string, string, Type)> found = [];
        foreach (Type owner in types.SelectMany(Closed))
            foreach (FieldInfo field in owner.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
                if (field.FieldType.IsGenericType) Add(found, Told(owner), field.FieldType, () => field.GetValue(null));
        return found;
    }

    static void Add(Dictionary<string, (string, string, Type)> found, string owner, Type type, Func<object?> held)
    {
        if (type.GetGenericTypeDefinition() == typeof(Flat<>)) Add(found, owner, type.GetField("kernel", Any)!.FieldType, () => type.GetField("kernel", Any)!.GetValue(held()));
        if (type.GetGenericTypeDefinition() != typeof(FormulaKernel<,>)) return;
        Type formula = type.GenericTypeArguments[0], args = type.GenericTypeArguments[1];
        object?[] arguments = [Made(formula), null];
        CudaFunction function = (CudaFunction)type.GetMethod("For", Any)!.Invoke(held(), arguments)!;
        found[$"{owner} {function.Entry}"] = (Encoding.UTF8.GetString(function.Module.Read()), function.Entry, args);
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
