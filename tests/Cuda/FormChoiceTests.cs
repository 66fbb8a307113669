using MiniTorch.Cuda;
using MiniTorch.Ops;
using MiniTorch.Tests.Gradients;
using MiniTorch.Tests.Training;

namespace MiniTorch.Tests.Cuda;

/// <summary>Which form of depthwise convolution an emulated GPU takes when a clock is put into it, and that they all compute the same.</summary>
public sealed class FormChoiceTests : IDisposable
{
    const string ForwardKey = "DepthwiseConv.forward f32 batch 2, 16 channels, 7 to 7 by 9 padding 4, 7 to 7 by 9 padding 4, 1 of each";

    readonly TemporaryFolder folder = new();
    readonly List<string> timed = [];

    string CachePath => Path.Combine(folder.Path, "deep", "gpu.json");

    public void Dispose() => folder.Dispose();

    /// <summary>A GPU with a clock that says what forms take, and notes which it was asked about.</summary>
    CudaDevice Open(params (string Form, double Microseconds)[] times)
    {
        CudaDevice device = CudaDevice.Emulated();
        device.Forms.Clock = (form, work) =>
        {
            work();
            timed.Add(form);
            return 1e-6 * times.First(t => t.Form == form).Microseconds;
        };
        device.Forms.CachePath = CachePath;
        return device;
    }

    CudaDevice Tiled() => Open(("tiles", 10), ("elements", 20), ("cudnn", 11));

    CudaDevice Served() => Open(("tiles", 10), ("elements", 20), ("cudnn", 9.5));

    static double[] Convolve(CudaDevice device, DType type = DType.Float32)
    {
        using Step step = Step.Begin();
        return Filled(device, type, [2, 7, 7, 16], 1).Conv(Filled(device, type, [9, 9, 1, 16], 2), padding: [4, 4], groups: 16).ToDoubles();
    }

    static Tensor Filled(Device device, DType type, Shape shape, uint stream, bool trainable = false)
    {
        Tensor t = Tensor.Lasting(shape, type, device, trainable);
        RandomStream random = new(7, stream);
        t.WriteDoubles(BrainAgreement.Rounded([.. Enumerable.Range(0, t.Count).Select(_ => random.NextNormal())]));
        return t;
    }

    [Fact]
    public void The_fastest_is_measured_once_and_read_by_the_next_process()
    {
        double[] first, second;
        using (CudaDevice device = Served())
        {
            first = Convolve(device);
            Assert.Equal(["tiles", "elements", "cudnn"], timed.Distinct());
            Assert.Single(timed, "elements");           // no hope after the tiles
            Assert.Equal(5, timed.Count(static f => f == "cudnn"));
            timed.Clear();
            second = Convolve(device);
        }
        Assert.Empty(timed);
        Assert.Equal(first, second);
        FormFile file = FormFile.Read(CachePath);
        Assert.Equal((true, "11.8", "emulated H100"), (file.Cudnn, file.Driver, file.Gpu));
        (string key, ChosenForm chosen) = Assert.Single(file.Forms);
        Assert.Equal((ForwardKey, "cudnn"), (key, chosen.Form));
        Assert.Equal(new Dictionary<string, double> { ["tiles"] = 10, ["elements"] = 20, ["cudnn"] = 9.5 }, chosen.Microseconds);
        using CudaDevice next = Tiled();
        Assert.Equal(first, Convolve(next));
        Assert.Empty(timed);
        Assert.Null(next.Forms.Note);
    }

    /// <summary>The last launch is the chosen form's, so that what was measured leaves nothing else behind: tiles, the first to be measured, add up in another order than the library does.</summary>
    [Fact]
    public void Results_are_those_of_the_form_alone()
    {
        float[] tiles, cudnn, table;
        using (CudaDevice device = Open(("tiles", 1), ("elements", 2), ("cudnn", 2))) tiles = Gradient(device);
        File.Delete(CachePath);
        using (CudaDevice device = Open(("tiles", 2), ("elements", 2), ("cudnn", 1))) cudnn = Gradient(device);
        using (CudaDevice device = CudaDevice.Emulated(libraries: false)) table = Gradient(device);
        Assert.Equal(table, tiles);
        Assert.NotEqual(tiles, cudnn);

        static float[] Gradient(CudaDevice device)
        {
            using Step step = Step.Begin();
            Tensor x = Filled(device, DType.Float32, [2, 7, 7, 16], 1), dy = Filled(device, DType.Float32, [2, 7, 7, 16], 2), dw = Tensor.Zeros([9, 9, 1, 16], device: device);
            Axis axis = new(7, 7, 9, 1, 4, 1);
            new DepthwiseArgs(x, dw, dy, default, new(2, 16, Axis.None, axis, axis), 1).WeightGradient(dw);
            return dw.ToArray<float>();
        }
    }

    [Fact]
    public void Processes_add_to_each_others_cache()
    {
        using CudaDevice a = Tiled(), b = Tiled();
        Convolve(a);
        Assert.Null(b.Forms.Note);              // has read it
        using (Step step = Step.Begin()) Filled(b, DType.Float32, [1, 5, 5, 3], 1).Conv(Filled(b, DType.Float32, [3, 3, 1, 3], 2), padding: [1, 1], groups: 3);
        using (Step step = Step.Begin()) Filled(a, DType.Float32, [1, 5, 5, 5], 1).Conv(Filled(a, DType.Float32, [3, 3, 1, 5], 2), padding: [1, 1], groups: 5);
        Assert.Equal(3, FormFile.Read(CachePath).Forms.Count);
    }

    [Fact]
    public void What_another_gpu_driver_program_or_library_measured_is_told_and_replaced()
    {
        using (CudaDevice device = Served()) Convolve(device);
        FormFile mine = FormFile.Read(CachePath);
        foreach (FormFile foreign in (FormFile[])[mine with { Gpu = "another" }, mine with { Driver = "12.0" }, mine with { Program = "0.0.0.1" }, mine with { Cudnn = false }])
        {
            foreign.Write(CachePath);
            timed.Clear();
            using CudaDevice device = Tiled();
            Assert.Equal($"{CachePath} is of {foreign.About}, this is {mine.About}: the fastest forms of kernels are measured anew", device.Forms.Note);
            Assert.Contains(device.Notes, n => n.EndsWith(device.Forms.Note!, StringComparison.Ordinal));
            Convolve(device);
            Assert.NotEmpty(timed);
            Assert.Equal((mine.Gpu, mine.Driver, mine.Program, mine.Cudnn, "tiles"), (FormFile.Read(CachePath) is var f ? (f.Gpu, f.Driver, f.Program, f.Cudnn, f.Forms[ForwardKey].Form) : default));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"gpu\":")]
    [InlineData("{\"gpu\":\"emulated H100\",\"driver\":\"11.8\",\"cudnn\":true,\"program\":\"0.1.0.0\"}")]
    [InlineData("{\"gpu\":\"emulated H100\",\"driver\":\"11.8\",\"cudnn\":true,\"program\":\"0.1.0.0\",\"forms\":null}")]
    [InlineData("{\"gpu\":\"emulated H100\",\"driver\":\"11.8\",\"cudnn\":true,\"program\":\"0.1.0.0\",\"forms\":{\"a\":null}}")]
    [InlineData("{\"gpu\":\"emulated H100\",\"driver\":\"11.8\",\"cudnn\":true,\"program\":\"0.1.0.0\",\"forms\":{\"a\":{\"form\":null,\"microseconds\":{}}}}")]
    [InlineData("{\"gpu\":\"emulated H100\",\"driver\":\"11.8\",\"cudnn\":true,\"program\":\"0.1.0.0\",\"forms\":{},\"more\":1}")]
    public void A_cache_that_is_none_is_one_line_and_measured_anew(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(CachePath)!);
        File.WriteAllText(CachePath, text);
        using CudaDevice device = Tiled();
        Assert.StartsWith($"{CachePath} holds no forms of kernels that can be read (", device.Forms.Note);
        Assert.EndsWith("): the fastest forms of kernels are measured anew", device.Forms.Note);
        Convolve(device);
        Assert.NotEmpty(timed);
        Assert.Single(FormFile.Read(CachePath).Forms);
    }

    /// <summary>A form that is not known, or that does not take these operands any more.</summary>
    [Theory]
    [InlineData("abacus")]
    [InlineData("tensor cores")]
    public void A_cached_form_that_cannot_be_taken_is_measured_anew(string form)
    {
        using (CudaDevice device = Tiled()) Convolve(device);
        FormFile mine = FormFile.Read(CachePath);
        (mine with { Forms = new Dictionary<string, ChosenForm> { [ForwardKey] = new(form, new Dictionary<string, double>()) } }).Write(CachePath);
        timed.Clear();
        using CudaDevice next = Served();
        Convolve(next);
        Assert.NotEmpty(timed);
        Assert.Equal("cudnn", FormFile.Read(CachePath).Forms[ForwardKey].Form);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_costs_only_the_cache()
    {
        File.WriteAllText(Path.Combine(folder.Path, "deep"), "");           // a file where the folder would be
        using CudaDevice device = Served();
        double[] first = Convolve(device);
        timed.Clear();
        device.Forms.Take(null);
        Assert.Equal(first, Convolve(device));
        Assert.Empty(timed);
        Assert.Null(device.Forms.Note);
    }

    /// <summary>The table: tensor cores, tiles, elements. Nothing is timed and nothing written, also where there is no clock.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_fixed_table_decides_if_asked_to_or_without_a_clock(bool deterministic)
    {
        List<string> launched = [];
        using EmulatedDriver driver = new();
        driver.Launched = (name, _) => launched.Add(name);
        using CudaDevice device = CudaDevice.Emulated(driver);
        (device.Forms.CachePath, device.Deterministic) = (CachePath, deterministic);
        if (deterministic) device.Forms.Clock = (form, _) => throw new InvalidOperationException(form);
        Convolve(device);
        Convolve(device, DType.BFloat16);
        Assert.Equal(["depthwise9Forward7", "depthwiseMatrixPairs"], launched);
        Assert.False(File.Exists(CachePath));
    }

    [Fact]
    public void Nothing_is_measured_while_a_stream_is_captured()
    {
        using CudaDevice device = Served();
        using Step step = Step.Begin();
        Tensor x = Filled(device, DType.Float32, [2, 7, 7, 16], 1), w = Filled(device, DType.Float32, [9, 9, 1, 16], 2), y = Tensor.Like(x);
        Axis axis = new(7, 7, 9, 1, 4, 1);
        DepthwiseArgs args = new(x, w, y, default, new(2, 16, Axis.None, axis, axis), 1);
        device.Deterministic = true;
        args.Forward(y);                        // loads the kernel
        device.Deterministic = false;
        nint graph = device.Capture(() => args.Forward(y));
        Assert.Empty(timed);
        device.Replay(graph);
        device.Forget(graph);
    }

    [Fact]
    public void A_form_of_a_run_that_is_not_there_is_an_error()
    {
        using CudaDevice device = CudaDevice.Emulated(libraries: false);
        device.Forms.Take(device.Forms.InUse with { Forms = new Dictionary<string, ChosenForm> { [ForwardKey] = new("cudnn", new Dictionary<string, double>()) } });
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Convolve(device));
        Assert.StartsWith($"{ForwardKey}: the run computes it by cudnn, which cuda:emulated does not offer (it has tensor cores, tiles, elements, cudnn; libraries must be those of the run);", e.Message);
    }

    public static TheoryData<string, DType, int[], int[], int, int> Agreeing => new()
    {
        { "tiles elements cudnn", DType.Float32, [2, 9, 13, 16], [9, 11], 1, 1 },
        { "tensor cores,tiles elements cudnn", DType.BFloat16, [2, 9, 13, 16], [9, 11], 1, 1 },
        { "tensor cores,tiles elements cudnn", DType.BFloat16, [5, 7, 7, 16], [17, 17], 1, 1 },
        { "elements cudnn", DType.Float32, [2, 9, 8, 3], [3, 5], 2, 2 },
        { "elements cudnn", DType.BFloat16, [2, 9, 8, 3], [3, 5], 2, 2 },
    };

    /// <summary>Each form by itself, forced by a clock, against float64 on the CPU; with a bias where the op has one.</summary>
    [Theory, MemberData(nameof(Agreeing))]
    public void Every_form_computes_the_same(string forms, DType type, int[] x, int[] kernel, int stride, int multiplier)
    {
        string[] all = [.. forms.Split(',').SelectMany(static (f, i) => f == "tensor cores" ? [f] : f.Split(' '))];
        using CpuDevice oracle = new(1);
        double[][] expected = Run(oracle, DType.Float64);
        foreach (string form in all)
        {
            timed.Clear();
            using CudaDevice device = Open([.. all.Select(f => (f, f == form ? 1.0 : 2.0))]);
            device.Forms.CachePath = null;
            double[][] actual = Run(device, type);
            Assert.Equal(all, timed.Distinct());
            Assert.All(device.Forms.InUse.Forms.Values, f => Assert.Equal(form, f.Form));
            Assert.Equal(3, device.Forms.InUse.Forms.Count);
            for (int i = 0; i < expected.Length; i++)
            {
                string what = $"{form} {"y dx dw".Split(' ')[i]}";
                if (type == DType.Float32) OpCaseTests.Close(expected[i], actual[i], 1e-5, what);
                else BrainAgreement.Check(expected[i], actual[i], what);
            }
        }

        double[][] Run(Device device, DType type)
        {
            using Step step = Step.Begin();
            Tensor a = Filled(device, type, Shape.Create(x), 1, true), w = Filled(device, type, [.. kernel, 1, x[^1] * multiplier], 2, true), b = Filled(device, type, [x[^1] * multiplier], 3);
            Tensor y = a.Conv(w, b, stride: [stride, stride], padding: [kernel[0] / 2, kernel[1] / 2], groups: x[^1]);
            y.Backward(Filled(device, type, y.Shape, 4));
            return [y.ToDoubles(), a.Gradient!.ToDoubles(), w.Gradient!.ToDoubles()];
        }
    }
}
