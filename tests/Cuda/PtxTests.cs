using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;

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

    /// <summary>What computes with doubles: the norm of many gradients, and coefficients that the host wrote as doubles.</summary>
    static readonly string[] doubles = ["models/Optimizers/GradientNorm.ptx", "models/Optimizers/Update.ptx", "models/Optimizers/Average.ptx", "models/Optimizers/Lamb.ptx"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Nothing_is_slow_or_missing_on_a_gpu(string file) => Lint(file, File.ReadAllLines(Path.Combine(Repository.Root, file)), doubles.Contains(file));

    [Theory]
    [MemberData(nameof(FormulaTexts.Names), MemberType = typeof(FormulaTexts))]
    public void No_formula_is_slow_or_missing_on_a_gpu(string name)
    {
        string text = FormulaTexts.ByName[name].Text;
        Lint(name, text.Split('\n'), allowsDoubles: name.StartsWith("UpdateCuda", StringComparison.Ordinal));
        Assert.DoesNotContain("formula", text);
        PtxModule module = PtxModule.Parse(text);
        using EmulatedGpu gpu = new();
        Assert.True(gpu.Load(module).Kernel(Assert.Single(module.Kernels).Key).RegisterPressure > 0);       // read to its last instruction
    }

    static void Lint(string file, string[] lines, bool allowsDoubles)
    {
        Assert.Contains(".version 7.8", lines);
        Assert.Contains(".target sm_80", lines);
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Split("//")[0];
            Assert.False(Banned().IsMatch(line) || !allowsDoubles && line.Contains(".f64"), $"{file}:{i + 1}: {line.Trim()}");
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
        LaidOut(name, System.Text.Encoding.UTF8.GetString(function.Module.Read()), function.Entry, args);
    }

    [Theory]
    [MemberData(nameof(FormulaTexts.Names), MemberType = typeof(FormulaTexts))]
    public void Structs_are_laid_out_like_the_parameter_of_a_kernel_with_a_formula(string name)
    {
        (string text, string entry, Type args) = FormulaTexts.ByName[name];
        LaidOut(name, text, entry, args);
    }

    static void LaidOut(string name, string ptx, string entry, Type args)
    {
        Match body = Regex.Match(ptx, $@"\.entry {entry}\(\s*\.param \.align \d+ \.b8 {entry}_param_0\[(?<bytes>\d+)\]\s*\)[^{{]*{{(?<code>.*?)\n}}", RegexOptions.Singleline);
        Assert.True(body.Success, $"{name}: there is no entry with one struct as its parameter");
        Assert.Equal(int.Parse(body.Groups["bytes"].Value), Marshal.SizeOf(args));
        Dictionary<int, int> fields = [];
        AddFields(args, 0, fields);
        string code = body.Groups["code"].Value;
        HashSet<string> bases = [$"{entry}_param_0"];           // what holds the parameter's own address
        foreach (Match copy in Copy().Matches(code)) if (bases.Contains(copy.Groups["from"].Value)) bases.Add(copy.Groups["to"].Value);
        MatchCollection loads = Load().Matches(code);
        Assert.NotEmpty(loads);
        foreach (Match load in loads)
        {
            if (!bases.Contains(load.Groups["base"].Value)) continue;       // an element of an array in the struct
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
                    if (!held.IsGenericType || !typeof(CudaFunction).IsAssignableFrom(held) && !typeof(TypedFunction).IsAssignableFrom(held)) continue;
                    object value = field.GetValue(null)!;
                    foreach (object one in value as object[] ?? [value])
                        foreach (CudaFunction function in one is TypedFunction typed ? typed.All : [(CudaFunction)one]) kernels[function.Entry] = (function, held.GenericTypeArguments[0]);
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

    [GeneratedRegex(@"\.local|\bcall|\.extern \.func|\b(ld|st)\.((volatile|relaxed|acquire|release)\.)?(v2\.|v4\.)?[bfus]\d")]
    private static partial Regex Banned();

    [GeneratedRegex(@"\.param .*\[(?<bytes>\d+)\]")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"mov\.[bu]64\s+(?<to>%\w+), (?<from>[%\w]+);")]
    private static partial Regex Copy();

    [GeneratedRegex(@"ld\.param\.(v(?<count>[24])\.)?[busf](?<bits>\d+)[^\[]*\[(?<base>[%\w]+)(\+(?<offset>\d+))?\]")]
    private static partial Regex Load();
}
