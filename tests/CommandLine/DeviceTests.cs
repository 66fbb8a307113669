using MiniTorch.Cuda;
using MiniTorch.Tests.Cuda;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.CommandLine;

/// <summary>What the program says about GPUs, on a machine with the stubs' two.</summary>
[Collection(StubTests.Name)]
public sealed class DeviceTests(StubDriver stub) : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Doctor_shows_gpus_and_every_place_that_was_searched()
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, "doctor", (CudaLibraries.Variable, $"{folder.Path}:{stub.Folder}"));
        Assert.Equal(0, o.ExitCode);
        string all = o.Output + o.Errors;
        Assert.Contains("gpu       cuda:0 Stub GPU 0, compute capability 9.0, 132 multiprocessors at 1.755 GHz, 0.25 GiB, driver for CUDA 13.0\n", all);
        Assert.Contains("gpu       cuda:1 cannot be used: Stub GPU 1 has compute capability 7.5, 8.0 is needed\n", all);
        Assert.Contains($"libcuda   {stub.Folder}/libcuda.so.1\n          {folder.Path}/libcuda.so.1: no such file\n          {stub.Folder}/libcuda.so.1: loaded\n", all);
        Assert.Contains($"          {folder.Path}/libcudnn.so.9: no such file\n          {stub.Folder}/libcudnn.so.9: loaded\n", all);
    }

    [Fact]
    public async Task Doctor_tells_the_search_in_json()
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, "doctor --json", (CudaLibraries.Variable, stub.Folder));
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(o.Output);
        System.Text.Json.JsonElement driver = json.RootElement.GetProperty("libraries")[0];
        Assert.Equal($"{stub.Folder}/libcuda.so.1", driver.GetProperty("path").GetString());
        Assert.Equal("loaded", driver.GetProperty("attempts")[0].GetProperty("result").GetString());
    }

    /// <summary>Every file of kernels is there, and each kernel once; the stub does not take long ones and says that all kernels spill, which is told of each.</summary>
    [Fact]
    public async Task Doctor_loads_every_module_of_kernels()
    {
        string[] files = [.. Directory.EnumerateFiles(Repository.Root, "*.cu", SearchOption.AllDirectories).Where(static f => !f.Contains("/tests/", StringComparison.Ordinal) && !File.ReadAllText(Path.ChangeExtension(f, ".ptx")).Contains("\tformula"))
            .Select(static f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];
        Outcome o = await Dcls.Run(folder.Path, "doctor --kernels --device cuda:emulated --json");
        Assert.Equal(0, o.ExitCode);
        System.Text.Json.JsonElement[] kernels = [.. o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => System.Text.Json.JsonDocument.Parse(l).RootElement)];
        Assert.Equal(files, kernels.Select(static k => k.GetProperty("module").GetString()!).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(kernels.Length, kernels.Select(static k => k.GetProperty("name").GetString()).Distinct().Count());
        Assert.All(kernels, static k => Assert.InRange(k.GetProperty("registers").GetInt32(), 3, 255));
        stub.Begin();
        Outcome broken = await Dcls.Run(folder.Path, "doctor --kernels --device cuda", (CudaLibraries.Variable, stub.Folder));
        Assert.Equal(1, broken.ExitCode);
        Assert.Equal(2, broken.ErrorLines.Length);
        Assert.Contains("modules cannot be loaded: Gemm: cuModuleLoadDataEx: CUDA_ERROR_INVALID_VALUE", broken.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains("kernels spill registers to memory: batchNormMoments (16 bytes), ", broken.ErrorLines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gpu_that_cannot_be_used_is_one_line()
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, "train --device cuda:1", (CudaLibraries.Variable, stub.Folder));
        Assert.Equal(3, o.ExitCode);
        Assert.Contains("there is no device cuda:1: Stub GPU 1 has compute capability 7.5, 8.0 is needed", Assert.Single(o.ErrorLines));
    }
}
