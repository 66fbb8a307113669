using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Models;
using MiniTorch.Models.Bench;
using MiniTorch.Models.Profiling;
using Ceiling = MiniTorch.Models.Bench.Ceiling;

namespace MiniTorch.Tests.Profiling;

/// <summary>What a profile on an emulated GPU says, beside what its driver counted and told of the same step.</summary>
public sealed class EmulatedProfileTests
{
    /// <summary>A network on an emulated GPU whose launches are noted, ready for its second step.</summary>
    sealed class Watched : IDisposable
    {
        internal readonly List<LaunchCounters> Launches = [];
        internal readonly EmulatedDriver Driver = new();
        internal readonly CudaDevice Device;
        internal readonly NetworkStep Step;

        internal Watched(string model, bool training)
        {
            Device = CudaDevice.Emulated(Driver);
            NamedModel named = NamedModels.Of(model);
            Step = new(Device, named.Network, [2, 16, 16, 1], named.Classes, training, 0, new() { EmaDecay = 0.9 });
            Step.Run();
            Driver.Launched = (_, counters) => Launches.Add(counters);
        }

        /// <summary>Sums of what the driver told, launch by launch: of its own fields, not by the profile's addition.</summary>
        internal long[] Told() => [Launches.Count, .. ((Func<LaunchCounters, long>[])[static c => c.WarpInstructions, static c => c.FmaInstructions, static c => c.MatrixMultiplyAdds, static c => c.GlobalSectors,
            static c => c.IdealGlobalSectors, static c => c.SharedWavefronts, static c => c.IdealSharedWavefronts, static c => c.FootprintReadBytes + c.FootprintWrittenBytes]).Select(of => Launches.Sum(of))];

        public void Dispose()
        {
            Step.Dispose();
            Device.Dispose();
        }
    }

    static long[] Counts(GpuCounters c)
        => [c.Launches, c.WarpInstructions, c.FmaInstructions, c.MatrixMultiplyAdds, c.GlobalSectors, c.IdealGlobalSectors, c.SharedWavefronts, c.IdealSharedWavefronts, c.FootprintBytes];

    static ProfileTable Table(CudaDevice device, StepProfile step) => ProfileTable.Of(step, step.Seconds, 1e13, 1e12, ProfileTable.RestOf(device));

    [Theory]
    [InlineData("convnext_dcls_speck", true)]
    [InlineData("convnext_dcls_speck", false)]
    [InlineData("two_dots", true)]
    public void Rows_add_up_to_what_the_same_step_costs_without_a_profile(string model, bool training)
    {
        using Watched plain = new(model, training), profiled = new(model, training);
        double before = plain.Driver.Done.Seconds;
        plain.Step.Run();
        double expected = plain.Driver.Done.Seconds - before;
        StepProfile step = Profile.Of(profiled.Device, profiled.Step.Run);
        ProfileTable table = Table(profiled.Device, step);
        GpuCounters sum = table.Rows.Aggregate(default(GpuCounters), static (s, r) => s + (r.Counted ?? default));
        Assert.Equal(plain.Told(), Counts(sum));
        Assert.Equal(profiled.Told(), Counts(sum));
        Assert.True(sum.Launches >= 15, $"{sum.Launches} launches");
        Assert.Equal(1e3 * expected, table.Ms, 1e-9 * table.Ms);
        Assert.Equal(table.Ms, table.Rows.Sum(static r => r.Ms), 1e-9 * table.Ms);
        Assert.Equal(table.Ms - table.RestMs, 1e3 * sum.Seconds, 1e-9 * table.Ms);
        Assert.Equal(table.Rows.OrderByDescending(static r => r.Ms), table.Rows);
    }

    /// <summary>Every launch lies in a kernel with an op and a phase, and the kernels are those of the CPU.</summary>
    [Fact]
    public void Launches_belong_to_the_ops_and_layers_that_the_cpu_shows()
    {
        using Watched gpu = new("convnext_dcls_speck", true);
        using CpuDevice cpu = new(1);
        NamedModel named = NamedModels.Of("convnext_dcls_speck");
        using NetworkStep onCpu = new(cpu, named.Network, [2, 16, 16, 1], named.Classes, true, 0, new() { EmaDecay = 0.9 });
        onCpu.Run();
        (string, string, string)[] expected = Keys(Profile.Of(cpu, onCpu.Run));
        StepProfile step = Profile.Of(gpu.Device, gpu.Step.Run);
        Assert.Equal(expected, Keys(step));
        Assert.Equal(gpu.Launches.Count, step.Kernels.Sum(static k => k.Counted!.Value.Launches));
        Assert.All(step.Kernels, static k => Assert.True(k.Op.Length > 0 && k.Phase.Length > 0 && k.Counted!.Value.Seconds > 0, k.ToString()));

        static (string, string, string)[] Keys(StepProfile s) => [.. s.Kernels.Select(static k => (k.Layer, k.Op, k.Phase)).Distinct().Order()];
    }

    [Fact]
    public void Equal_steps_have_equal_counters()
    {
        using Watched once = new("convnext_dcls_speck", true), again = new("convnext_dcls_speck", true);
        StepProfile first = Profile.Of(once.Device, once.Step.Run), second = Profile.Of(again.Device, again.Step.Run);
        Assert.Equal(first.Kernels, second.Kernels);
        Assert.Equal(first.Seconds, second.Seconds);
    }

    /// <summary>
    /// A launch counts for the bound of its own estimate; a product of a library has a time and no counts: 2·m·n·k operations at 2·128·132·1.755 GHz, in bf16 at 2·1270·132·1.755 GHz, in TF32 at half of that.
    /// </summary>
    [Fact]
    public void A_product_of_a_library_has_the_time_of_its_operations()
    {
        const int Side = 1024;
        const double Clocks = 132 * 1.755e9, Operations = 2.0 * Side * Side * Side;
        using CudaDevice with = CudaDevice.Emulated(), without = CudaDevice.Emulated(libraries: false), rounding = CudaDevice.Emulated();
        rounding.AllowTf32 = true;
        GpuCounters library = Product(with), own = Product(without, small: true);
        Assert.Equal(new long[9], Counts(library));
        Assert.Equal(Operations / (2 * 128 * Clocks), library.Seconds, 1e-15);
        Assert.Equal((library.Seconds, Bound.Fma), (library.UncountedSeconds, library.Bound));
        GpuCounters brain = Product(with, DType.BFloat16), tf32 = Product(rounding);
        Assert.Equal((Operations / (2 * 1270 * Clocks), Bound.Matrix), (brain.Seconds, brain.Bound));
        Assert.Equal((Operations / (1270 * Clocks), Bound.Matrix), (tf32.Seconds, tf32.Bound));
        Assert.True(own.Launches > 0 && own.FmaInstructions >= Side * Side * Side / 8 / 32 && own.UncountedSeconds == 0, own.ToString());
        Assert.Equal(own.Seconds, Enum.GetValues<Bound>().Sum(own.SecondsOf), 1e-18);
        Assert.True(Enum.GetValues<Bound>().All(b => own.SecondsOf(b) <= own.SecondsOf(own.Bound)), own.ToString());

        static GpuCounters Product(CudaDevice device, DType type = DType.Float32, bool small = false)
        {
            using Step step = Step.Begin();
            int side = small ? Side / 2 : Side;
            Tensor a = Tensor.Zeros([side, side], type, device), c = Tensor.Empty([side, side], type, device);
            return Assert.Single(Profile.Of(device, () => Gemm.Product.Launch(device, type, new(a, a, c, side, side, side))).Kernels).Counted!.Value;
        }
    }

    [Fact]
    public void An_emulated_gpu_has_the_ceiling_of_its_model_and_one_repetition()
    {
        EmulatedDriver driver = new();
        using CudaDevice device = CudaDevice.Emulated(driver);
        Ceiling ceiling = Ceiling.Of(device);
        Assert.Equal(("emulated H100", 2 * 128 * 132 * 1.755, 3000, true), (ceiling.Device, Math.Round(ceiling.Gflops, 6), Math.Round(ceiling.GigabytesPerSecond, 6), ceiling.IsEstimate));
        Assert.Equal(2e-9 * 1270 * 132 * 1.755e9, Ceiling.Of(device, DType.BFloat16).Gflops, 1e-6);
        device.AllowTf32 = true;
        Assert.Equal(1e-9 * 1270 * 132 * 1.755e9, Ceiling.Of(device).Gflops, 1e-6);
        using Workload work = new RowsWorkload(device, new("2x4x4x16"), norm: true);
        double before = driver.Done.Seconds;
        Timing timing = Timing.Of(work, TestContext.Current.CancellationToken);
        Assert.Equal(1, timing.Repetitions);
        Assert.Equal(1e3 * (driver.Done.Seconds - before), timing.MedianMs, 1e-12);
        Assert.True(timing.MedianMs > 0);
    }
}
