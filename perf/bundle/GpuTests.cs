using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using MiniTorch.Models;
using MiniTorch.Tests.Cuda;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace MiniTorch.Bundle;

/// <summary>A test that has begun, or with an outcome one that has ended: passed, failed or skipped.</summary>
sealed record TestLine(int Index, int Count, string Name, string? Outcome, double Seconds, string? Message);

/// <summary>
/// run tests: the tests of the category gpu, one after another, a line of JSON each when it begins and when it ends. xunit's own runner names tests by hashes, for which .NET needs OpenSSL,
/// and a bare machine has none.
/// </summary>
static class GpuTests
{
    /// <summary>Exit codes beside 0: a test failed; the GPU cannot be used any more by this process; the time was up.</summary>
    internal const int Failed = 1, Lost = 4, TimeUp = 5;

    const int MostLetters = 4000;

    sealed record Test(string Name, MethodInfo Method, object?[] Arguments);

    internal static int Run(string[] words)
    {
        int from = (int)Number(words, "--from", 0);
        double seconds = Number(words, "--seconds", double.PositiveInfinity);
        Stopwatch clock = Stopwatch.StartNew();
        Test[] tests = [.. All()];
        Dictionary<Type, object> fixtures = [];
        int code = 0;
        for (int i = from; i < tests.Length; i++)
        {
            if (clock.Elapsed.TotalSeconds > seconds) return TimeUp;
            Say(new(i, tests.Length, tests[i].Name, null, 0, null));
            double begin = clock.Elapsed.TotalSeconds;
            (string outcome, string? message) = Try(tests[i], fixtures);
            Say(new(i, tests.Length, tests[i].Name, outcome, Math.Round(clock.Elapsed.TotalSeconds - begin, 3), message));
            if (outcome != "failed") continue;
            code = Failed;
            if (!Usable()) return Lost;
        }
        return code;
    }

    /// <summary>The first rows of all tests, then their second ones, and so on: however early the time is up, every kind of test has run.</summary>
    static IEnumerable<Test> All()
    {
        List<(int Row, Test Test)> found = [];
        foreach (Type type in typeof(TestedGpu).Assembly.GetTypes().OrderBy(static t => t.FullName, StringComparer.Ordinal))
            foreach (MethodInfo method in type.GetMethods().Where(IsTest).OrderBy(static m => m.Name, StringComparer.Ordinal))
                found.AddRange(Rows(method).Select((row, i) => (i, new Test($"{type.Name}.{method.Name}({string.Join(", ", row.Select(Told))})", method, row))));
        return found.OrderBy(static f => f.Row).Select(static f => f.Test);
    }

    static bool IsTest(MethodInfo method) => method.GetCustomAttributes().OfType<IFactAttribute>().Any() && (OnGpu(method) || OnGpu(method.ReflectedType!));

    static bool OnGpu(MemberInfo member) => member.GetCustomAttributes().OfType<ITraitAttribute>().SelectMany(static t => t.GetTraits()).Any(static t => t.Value == TestedGpu.Category);

    /// <summary>The arguments of a test, once for each row of its data. Members are read here: the attribute finds their rows only while xunit's runner runs.</summary>
    static IEnumerable<object?[]> Rows(MethodInfo method)
    {
        IDataAttribute[] sources = [.. method.GetCustomAttributes().OfType<IDataAttribute>()];
        return sources.Length == 0 ? [[]] : sources.SelectMany(s => s is MemberDataAttribute member
            ? ((System.Collections.IEnumerable)(member.MemberType ?? method.ReflectedType!).GetProperty(member.MemberName)!.GetValue(null)!).Cast<ITheoryDataRow>()
            : s.GetData(method, new DisposalTracker()).AsTask().GetAwaiter().GetResult()).Select(static row => row.GetData());
    }

    static string Told(object? value)
        => value is System.Collections.IEnumerable list and not string ? $"[{string.Join(", ", list.Cast<object>())}]" : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    static (string Outcome, string? Message) Try(Test test, Dictionary<Type, object> fixtures)
    {
        try
        {
            ConstructorInfo constructor = test.Method.DeclaringType!.GetConstructors()[0];
            object made = constructor.Invoke([.. constructor.GetParameters().Select(p => fixtures.TryGetValue(p.ParameterType, out object? known) ? known
                : fixtures[p.ParameterType] = Activator.CreateInstance(p.ParameterType)!)]);
            using (made as IDisposable) (test.Method.Invoke(made, test.Arguments) as Task)?.GetAwaiter().GetResult();
            return ("passed", null);
        }
        catch (Exception e)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            if (cause.Message.StartsWith(DynamicSkipToken.Value, StringComparison.Ordinal)) return ("skipped", cause.Message[DynamicSkipToken.Value.Length..]);
            string text = cause is IAssertionException ? cause.Message : cause.ToString();
            return ("failed", text.Length > MostLetters ? text[..MostLetters] : text);
        }
    }

    /// <summary>After some faults every call fails until the process ends.</summary>
    static bool Usable()
    {
        try
        {
            TestedGpu.Open().Dispose();
            return true;
        }
        catch (CudaException)
        {
            return false;
        }
    }

    static void Say(TestLine line) => Console.WriteLine(JsonSerializer.Serialize(line, RunJson.Line));

    static double Number(string[] words, string name, double otherwise)
    {
        int at = Array.IndexOf(words, name);
        return at >= 0 && at + 1 < words.Length && double.TryParse(words[at + 1], CultureInfo.InvariantCulture, out double value) ? value : otherwise;
    }
}
