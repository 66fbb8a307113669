using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MiniTorch.Cuda;

namespace MiniTorch.Tests.Cuda;

/// <summary>The PTX that is shipped: the compiler's from the sources beside it, with nothing in it that is slow or missing on a GPU, called with structs that fit.</summary>
public sealed partial class PtxTests
{
    const int MostParameterBytes = 4352;        // below PTX 8.1

    const string Compiler = "/usr/bin/clang++-19";

    static readonly string[] files = [.. new[] { "engine", "ops", "models" }.SelectMany(static f => Directory.GetFiles(Path.Combine(Repository.Root, f), "*.ptx", SearchOption.AllDirectories))
        .Select(static f => Path.GetRelativePath(Repository.Root, f)).Order()];

    public static TheoryData<string> Files => [.. files];

    [Fact]
    public void Compiling_again_gives_the_same_bytes()
    {
        string installed = File.Exists(Compiler) ? Run(Compiler, "--version").Split('\n')[0] : "no clang++-19";
        string[] headers = [.. files.Select(static f => File.ReadLines(Path.Combine(Repository.Root, f)).First()).Distinct()];
        if (!headers.All(h => h.Contains($" compiled by {installed}: "))) Assert.Skip($"the PTX was made by another compiler than {installed}; install the package clang-19");
        string folder = Directory.CreateTempSubdirectory("minitorch-ptx-").FullName;
        try
        {
            Run(Path.Combine(Repository.Root, "engine/Cuda/build-ptx"), folder);
            string[] made = [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order()];
            Assert.Equal(files, made);
            foreach (string file in made)
                Assert.True(File.ReadAllBytes(Path.Combine(folder, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Repository.Root, file))), $"{file} is not what engine/Cuda/build-ptx makes");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Nothing_is_slow_or_missing_on_a_gpu(string file)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, file));
        Assert.Contains(".version 7.8", lines);
        Assert.Contains(".target sm_80", lines);
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Split("//")[0];
            Assert.False(Banned().IsMatch(line), $"{file}:{i + 1}: {line.Trim()}");
            if (Parameter().Match(line) is { Success: true } parameter) Assert.InRange(int.Parse(parameter.Groups["bytes"].Value), 1, MostParameterBytes);
        }
    }

    public static TheoryData<string> Functions => [.. Kernels().Keys.Order()];

    /// <summary>Each place that a kernel reads of its parameter is a field of the struct it is launched with, of that width; and the two have the same size.</summary>
    [Theory]
    [MemberData(nameof(Functions))]
    public void Structs_are_laid_out_like_the_kernels_parameter(string name)
    {
        (CudaFunction function, Type args) = Kernels()[name];
        string ptx = System.Text.Encoding.UTF8.GetString(function.Module.Read()), entry = function.Entry;
        Match body = Regex.Match(ptx, $@"\.entry {entry}\(\s*\.param \.align \d+ \.b8 {entry}_param_0\[(?<bytes>\d+)\]\s*\)[^{{]*{{(?<code>.*?)\n}}", RegexOptions.Singleline);
        Assert.True(body.Success, $"{name}: there is no entry with one struct as its parameter");
        Assert.Equal(int.Parse(body.Groups["bytes"].Value), Marshal.SizeOf(args));
        Dictionary<int, int> fields = [];
        AddFields(args, 0, fields);
        MatchCollection loads = Load().Matches(body.Groups["code"].Value);
        Assert.NotEmpty(loads);
        foreach (Match load in loads)
        {
            int offset = load.Groups["offset"].Success ? int.Parse(load.Groups["offset"].Value) : 0, width = int.Parse(load.Groups["bits"].Value) / 8;
            int count = load.Groups["count"].Success ? int.Parse(load.Groups["count"].Value) : 1;
            for (int i = 0; i < count; i++)
                Assert.True(fields.TryGetValue(offset + i * width, out int size) && size == width, $"{name} reads {width} bytes at {offset + i * width}, where {args} has no such field: {load.Value}");
        }
    }

    /// <summary>Offset and width of each number in a struct, those in structs and arrays within it as well.</summary>
    static void AddFields(Type type, int begin, Dictionary<int, int> fields)
    {
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            int at = begin + (int)Marshal.OffsetOf(type, field.Name), count = type.GetCustomAttribute<InlineArrayAttribute>()?.Length ?? 1, size = Marshal.SizeOf(field.FieldType);
            for (int i = 0; i < count; i++, at += size)
                if (field.FieldType == typeof(Pointer) || field.FieldType.IsPrimitive) fields[at] = size;
                else AddFields(field.FieldType, at, fields);
        }
    }

    /// <summary>The kernels that ops hold in fields, with the structs they take.</summary>
    static Dictionary<string, (CudaFunction, Type)> Kernels()
    {
        Dictionary<string, (CudaFunction, Type)> kernels = [];
        foreach (Assembly assembly in (Assembly[])[typeof(Device).Assembly, typeof(MiniTorch.Ops.LayerNormOp).Assembly, typeof(MiniTorch.Models.Trainer).Assembly])
            foreach (Type type in assembly.GetTypes().SelectMany(Closed))
                foreach (FieldInfo field in type.GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public))
                {
                    Type held = field.FieldType.GetElementType() ?? field.FieldType;
                    if (!typeof(CudaFunction).IsAssignableFrom(held) || !held.IsGenericType) continue;
                    foreach (CudaFunction function in field.GetValue(null) as CudaFunction[] ?? [(CudaFunction)field.GetValue(null)!]) kernels[function.Entry] = (function, held.GenericTypeArguments[0]);
                }
        return kernels;
    }

    /// <summary>The type; of an op that is generic in a formula, one for each formula of its assembly.</summary>
    static IEnumerable<Type> Closed(Type type)
    {
        if (!type.ContainsGenericParameters) return [type];
        if (type.IsNested || type.GetGenericArguments() is not [Type parameter] || parameter.GetGenericParameterConstraints().Where(static c => c.IsInterface).ToArray() is not [Type formula]) return [];
        return type.Assembly.GetTypes().Where(t => t.IsValueType && !t.ContainsGenericParameters && t.IsAssignableTo(formula)).Select(t => type.MakeGenericType(t));
    }

    static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: {errors.Result}");
    }

    [GeneratedRegex(@"\.local|\bcall|\.extern \.func|\.f64|\b(ld|st)\.((volatile|relaxed|acquire|release)\.)?(v2\.|v4\.)?[bfus]\d")]
    private static partial Regex Banned();

    [GeneratedRegex(@"\.param .*\[(?<bytes>\d+)\]")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"ld\.param\.(v(?<count>[24])\.)?[busf](?<bits>\d+)[^\[]*\[[%\w]+(\+(?<offset>\d+))?\]")]
    private static partial Regex Load();
}
