using System.Diagnostics;
using System.Text.RegularExpressions;
using MiniTorch.Models;

namespace MiniTorch.Tests.Samples;

public sealed partial class SampleTests
{
    [Fact]
    public void An_own_model_trains_on_own_arrays()
    {
        using CpuDevice device = new(2);
        Assert.True(PulseDistance.Run(device) > 0.97);
    }

    /// <summary>The program on README's first screen, taken from there, compiled against these libraries and run.</summary>
    [Fact]
    public void The_program_in_the_readme_compiles_and_trains()
    {
        string root = Repository.Root, folder = Directory.CreateTempSubdirectory("minitorch-readme-").FullName;
        try
        {
            string program = CodeBlock().Match(File.ReadAllText(Path.Combine(root, "README.md"))).Groups[1].Value;
            Assert.Equal(12, program.TrimEnd().Split('\n').Length);
            File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
            string references = string.Concat(new[] { typeof(Tensor), typeof(Ops.Gauss), typeof(Trainer) }.Select(static t => $"""<Reference Include="{t.Assembly.Location}" />"""));
            File.WriteAllText(Path.Combine(folder, "Readme.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
                  <ItemGroup>{references}</ItemGroup>
                </Project>
                """);
            string output = Run(folder);
            Match accuracy = Accuracy().Match(output);
            Assert.True(accuracy.Success, output);
            Assert.True(double.Parse(accuracy.Groups[1].Value) > 0.5, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static string Run(string folder)
    {
        ProcessStartInfo start = new("dotnet", ["run", "-c", "Release", "--project", folder]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output + error.Result;
    }

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"held-out accuracy ([0-9.]+)")]
    private static partial Regex Accuracy();
}
