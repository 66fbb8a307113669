using System.Diagnostics;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>The packages: three libraries and the tool, which can be installed from a folder.</summary>
public sealed class PackageTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Pack_gives_three_libraries_and_a_tool_that_installs_and_runs()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "MiniTorch.Dcls.sln"))) root = Path.GetDirectoryName(root)!;
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, packages = Path.Combine(folder.Path, "packages"), tools = Path.Combine(folder.Path, "tools");
        Directory.CreateDirectory(packages);
        foreach (string project in (string[])["engine/MiniTorch.Engine.csproj", "ops/MiniTorch.Ops.csproj", "models/MiniTorch.Models.csproj"])
            await Succeed("dotnet", $"pack {project} -c {configuration} --no-build -o {packages}", root);
        await Succeed("dotnet", $"pack models/cli -c {configuration} --no-restore -o {packages}", root);
        string[] names = [.. Directory.GetFiles(packages).Select(Path.GetFileName).OfType<string>()];
        foreach (string id in (string[])["MiniTorch.Engine.", "MiniTorch.Ops.", "MiniTorch.Models.", "MiniTorch.Cli.", "MiniTorch.Cli.linux-x64."])
            Assert.Contains(names, name => name.StartsWith(id, StringComparison.Ordinal) && char.IsDigit(name[id.Length]));
        string version = names.First(static n => n.StartsWith("MiniTorch.Engine.", StringComparison.Ordinal))["MiniTorch.Engine.".Length..^".nupkg".Length];
        await Succeed("dotnet", $"tool install MiniTorch.Cli --version {version} --source {packages} --tool-path {tools}", folder.Path);
        Assert.Contains("fonts", await Succeed(Path.Combine(tools, "dcls"), "doctor", folder.Path));
    }

    /// <summary>A program that must end with 0; its own package cache keeps an earlier install of the same version out.</summary>
    async Task<string> Succeed(string program, string arguments, string directory)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        if (arguments.StartsWith("tool", StringComparison.Ordinal)) start.Environment["NUGET_PACKAGES"] = Path.Combine(folder.Path, "cache");
        using Process process = Process.Start(start)!;
        Outcome o = await Dcls.End(process);
        Assert.True(o.ExitCode == 0, $"{program} {arguments}: {o.Output} {o.Errors}");
        return o.Output;
    }
}
