using System.Text.Json;
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
        using JsonDocument json = JsonDocument.Parse(o.Output);
        JsonElement driver = json.RootElement.GetProperty("libraries")[0];
        Assert.Equal($"{stub.Folder}/libcuda.so.1", driver.GetProperty("path").GetString());
        Assert.Equal("loaded", driver.GetProperty("attempts")[0].GetProperty("result").GetString());
    }

    [Fact]
    public async Task Doctor_tells_where_cublasLt_is_and_a_run_that_it_is_not()
    {
        stub.Begin();
        Assert.Contains($"libcublasLt {stub.Folder}/libcublasLt.so.13\n", (await Dcls.Run(folder.Path, "doctor", (CudaLibraries.Variable, stub.Folder))).Output);
        foreach (string name in (string[])["libcuda.so.1", "libcublas.so.13"]) File.CreateSymbolicLink(Path.Combine(folder.Path, name), Path.Combine(stub.Folder, name));
        Outcome o = await Dcls.Run(folder.Path, "profile convnext_speck --batch 2 --size 16 --steps 1 --device cuda", (CudaLibraries.Variable, folder.Path), ("STUB_MEMORY", "2147483648"));
        Assert.True(o.ExitCode == 0, o.Errors);
        Assert.Contains("cuda:0: cuBLASLt was not found, biases and their gradients take passes of their own; dcls doctor shows where it was searched\n", o.Output + o.Errors);
    }

    [Fact]
    public async Task A_profile_tells_products_that_cublasLt_has_no_kernel_for()
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, "profile convnext_speck --batch 2 --size 16 --steps 1 --device cuda", (CudaLibraries.Variable, stub.Folder), ("STUB_MEMORY", "2147483648"), ("STUB_NO_KERNELS", "1"));
        Assert.True(o.ExitCode == 0, o.Errors);
        Assert.Matches(@"cuda:0: cuBLASLt has no kernel for (\d+x\d+x\d+ f32 with (bias|sums)(, )?)+: what follows these products took passes of its own\n", o.Output);
    }

    /// <summary>Kernels are not run there; the events around them are half a millisecond apart.</summary>
    [Theory]
    [InlineData("profile convnext_speck --batch 2 --size 16 --steps 2 --device cuda --json", "\"device\":\"Stub GPU 0\"", "\"idle_ms\":", "\"queued_ms\":")]
    [InlineData("profile convnext_speck --batch 2 --size 16 --steps 2 --device cuda", "Stub GPU 0: peak 274878 GFLOP/s, memory 839 GB/s", "\nidle ", "\nhost ")]
    [InlineData("bench ops --filter LAYER_NORM --device cuda --json", "\"name\":\"layer_norm_fwdbwd\"", "\"median_ms\":0.5,\"min_ms\":0.5", "\"bound_ms\":")]
    public async Task Profile_and_bench_measure_on_a_gpu_by_events(string arguments, params string[] parts)
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, arguments, (CudaLibraries.Variable, stub.Folder), ("STUB_MEMORY", "2147483648"));
        Assert.True(o.ExitCode == 0, o.Errors);
        Assert.All(parts, part => Assert.Contains(part, o.Output));
    }

    [Fact]
    public async Task Doctor_loads_every_kernel()
    {
        Outcome o = await Dcls.Run(folder.Path, "doctor --kernels --device cuda:emulated --json");
        Assert.Equal(0, o.ExitCode);
        Assert.Contains("registers are an estimate", o.Errors);
        JsonElement[] kernels = [.. o.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonDocument.Parse(line).RootElement)];
        string[] files = [.. new[] { "engine", "ops", "models" }.SelectMany(static f => Directory.GetFiles(Path.Combine(Repository.Root, f), "*.ptx", SearchOption.AllDirectories))];
        string[] whole = [.. files.Where(static f => !File.ReadAllText(f).Contains("\tformula", StringComparison.Ordinal))];
        Assert.Equal(whole.Sum(static f => File.ReadLines(f).Count(static l => l.StartsWith(".visible .entry", StringComparison.Ordinal))) + FormulaTexts.ByName.Count, kernels.Length);
        Assert.Superset(new HashSet<string>(whole.Select(static f => Path.GetFileNameWithoutExtension(f))), new HashSet<string>(kernels.Select(static k => k.GetProperty("module").GetString()!)));
        Assert.All(kernels, static k => Assert.True(k.GetProperty("registers").GetInt32() > 0 && k.GetProperty("local_bytes").GetInt32() == 0 && k.GetProperty("max_threads").GetInt32() >= 32, k.ToString()));
    }

    /// <summary>The stub's kernels have 16 local bytes.</summary>
    [Fact]
    public async Task Doctor_fails_where_kernels_spill()
    {
        stub.Begin();
        Outcome o = await Dcls.Run(folder.Path, "doctor --kernels --device cuda", (CudaLibraries.Variable, stub.Folder));
        Assert.Equal(1, o.ExitCode);
        Assert.Matches(@"\nLayerNorm +layerNormForward1 +40 +16 +1024 +256\n", o.Output);
        string line = Assert.Single(o.ErrorLines);
        Assert.StartsWith($"error: {Count(o)} of {Count(o)} kernels spill or do not load: ", line);
        Assert.Contains(" layerNormForward1,", line);

        static string Count(Outcome o) => System.Text.RegularExpressions.Regex.Match(o.Output, @"\n(\d+) kernels, 0 without spills\n").Groups[1].Value;
    }

    [Theory]
    [InlineData("doctor --kernels", 2, "the kernels are those of a GPU; use --device cuda")]
    [InlineData("doctor --device cuda", 2, "--device goes with --kernels")]
    [InlineData("doctor --kernels --device cuda:7", 3, "there is no device cuda:7")]
    public async Task Doctor_says_in_one_line_what_it_cannot_do(string words, int code, string reason)
    {
        Outcome o = await Dcls.Run(folder.Path, words);
        Assert.Equal(code, o.ExitCode);
        Assert.Contains(reason, Assert.Single(o.ErrorLines));
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
