using System.Runtime.InteropServices;
using MiniTorch.Cuda;
using MiniTorch.Cuda.Emulation;
using MiniTorch.Ops;

namespace MiniTorch.Tests.Cuda;

/// <summary>Steps that are captured and repeated: memory, keys, and what they may not do.</summary>
public sealed unsafe class StepGraphTests : IDisposable
{
    const int Runs = 8, Captured = 4;          // the run that is captured, from 1

    readonly EmulatedDriver driver = new();
    readonly CudaDevice device;

    public StepGraphTests() => device = CudaDevice.Emulated(driver, exactBlocks: false);

    public void Dispose() => device.Dispose();

    /// <summary>total += gelu(x) + x, with memory taken and given back on the way.</summary>
    static void Add(Tensor x, Tensor total)
    {
        using Step step = Step.Begin();
        using Tape.Pause pause = Tape.Paused();
        total.Assign(total + (x.Gelu() + x));
    }

    [Fact]
    public void Runs_are_repeated_with_what_lies_in_memory_then()
    {
        Tensor x = Tensor.Lasting([300], device: device), total = Tensor.Lasting([300], device: device), expected = Tensor.Lasting([300], device: device);
        using StepGraph<int> graph = new(device);
        for (int run = 1; run <= Runs; run++)
        {
            x.Write<float>([.. Enumerable.Range(0, 300).Select(i => i % 7 - run)]);
            Add(x, expected);
            (long launched, long graphs) = (device.Queued, driver.GraphLaunches);
            graph.Run(0, () => Add(x, total));
            Assert.Equal(run >= Captured, graph.IsCaptured);
            Assert.Equal(run >= Captured ? 1 : 0, driver.GraphLaunches - graphs);
            if (run > Captured) Assert.Equal(1, device.Queued - launched);
            Assert.Equal(expected.ToArray<float>(), total.ToArray<float>());
        }
    }

    [Fact]
    public void Memory_handed_out_between_two_runs_is_not_the_graphs()
    {
        Tensor x = Tensor.Lasting([300], device: device), total = Tensor.Lasting([300], device: device);
        x.Fill(1);
        using StepGraph<int> graph = new(device);
        for (int run = 1; run <= Captured; run++) graph.Run(0, () => Add(x, total));
        Tensor[] others = [.. Enumerable.Range(0, 40).Select(i => Tensor.Lasting([10 * i + 1], device: device))];
        foreach (Tensor other in others) other.Fill(7);
        float[] before = total.ToArray<float>();
        graph.Run(0, () => Add(x, total));
        Assert.All(others, static other => Assert.All(other.ToArray<float>(), static v => Assert.Equal(7, v)));
        Assert.NotEqual(before, total.ToArray<float>());
        long reserved = device.Pool.ReservedBytes;
        graph.Dispose();
        foreach (Tensor other in others) other.Free();
        using Step step = Step.Begin();
        for (int i = 0; i < 4; i++) _ = Tensor.Empty([300], device: device);        // what the graph had is the pool's again
        Assert.Equal(reserved, device.Pool.ReservedBytes);
    }

    [Fact]
    public void Another_key_begins_anew()
    {
        Tensor x = Tensor.Lasting([300], device: device), total = Tensor.Lasting([300], device: device), part = Tensor.Lasting([20], device: device);
        x.Fill(1);
        using StepGraph<Shape> graph = new(device);
        for (int run = 1; run <= Captured; run++) graph.Run(x.Shape, () => Add(x, total));
        Assert.True(graph.IsCaptured);
        graph.Run(part.Shape, () => Add(x.View([20]), part));
        Assert.False(graph.IsCaptured);
        Assert.Equal(total.ToArray<float>()[..20].Select(static v => v / Captured), part.ToArray<float>());
        for (int run = 1; run <= Captured; run++) graph.Run(x.Shape, () => Add(x, total));
        Assert.True(graph.IsCaptured);
    }

    [Fact]
    public void A_profile_shows_the_launches_of_an_ordinary_run()
    {
        Tensor x = Tensor.Lasting([300], device: device), total = Tensor.Lasting([300], device: device);
        x.Fill(1);
        using StepGraph<int> graph = new(device);
        for (int run = 1; run <= Captured; run++) graph.Run(0, () => Add(x, total));
        StepProfile profile = Profile.Of(device, () => graph.Run(0, () => Add(x, total)));
        Assert.Equal(["Gelu", "Add", "Add", "Copy"], profile.Kernels.Select(static k => k.Kernel.Split('.')[0]));
        Assert.True(graph.IsCaptured);
        Assert.Equal((Captured + 1) * 1.8413447, total.ToArray<float>()[0], 1e-4);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "read", "Offender reads values back to the host, which a step that is captured as a graph cannot do on cuda:emulated: keep it out of the step, or run the steps without a graph (--graph off)" },
        { "write", "Offender writes values from the host, which" },
        { "wait", "Offender waits for the device, which" },
        { "take", "Offender takes memory that the same step did not take when it ran before, which" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_cannot_be_captured_is_told_with_the_operation(string fault, string message)
    {
        Tensor x = Tensor.Lasting([300], device: device), total = Tensor.Lasting([300], device: device);
        x.Fill(1);
        using StepGraph<int> graph = new(device);
        int run = 1;
        for (; run < Captured; run++) graph.Run(0, Faulty);
        Assert.StartsWith(message, Assert.Throws<TensorException>(() => graph.Run(0, Faulty)).Message);
        Assert.False(graph.IsCaptured);
        Add(x, total);                          // the device goes on
        Assert.Equal(Captured, Math.Round(total.ToArray<float>()[0] / 1.8413447), 3);

        void Faulty()
        {
            Add(x, total);
            Offender.Do(fault, x, run);
        }
    }

    /// <summary>Rows of a table by IndexSelect, elements of it by Gather; the host reads no index, so wrong ones are a fault of the kernel.</summary>
    [Fact]
    public void Indices_are_looked_at_by_the_kernels_alone()
    {
        Tensor table = Tensor.Lasting([5, 3], device: device), rows = Tensor.Lasting([2], DType.Int32, device), places = Tensor.Lasting([2, 3], DType.Int32, device), y = Tensor.Lasting([2, 3], device: device);
        table.Write<float>([.. Enumerable.Range(0, 15).Select(static i => (float)i)]);
        using StepGraph<int> graph = new(device);
        for (int run = 0; run < Runs; run++)
        {
            int first = run % 5, place = run % 3;
            rows.Write<int>([first, 4]);
            places.Write<int>([place, place, 0, 0, 1, 2]);
            graph.Run(0, Select);
            Assert.Equal([3 * first + place, 3 * first + place, 3 * first, 12, 13, 14], y.ToArray<float>());
        }
        foreach (Tensor index in (Tensor[])[rows, places])
        {
            int[] right = index.ToArray<int>();
            foreach (int wrong in (int[])[-1, index == rows ? 5 : 3])
            {
                index.Write<int>([wrong, .. right[1..]]);
                Assert.Contains("trap", Assert.Throws<EmulationException>(() => graph.Run(0, Select)).Message, StringComparison.Ordinal);
            }
            index.Write<int>(right);
        }

        void Select()
        {
            using Step step = Step.Begin();
            using Tape.Pause pause = Tape.Paused();
            y.Assign(table.IndexSelect(0, rows).Gather(1, places));
        }
    }

    [Fact]
    public void The_emulated_driver_is_as_strict_as_a_gpu()
    {
        nint stream = driver.CreateStream(), other = driver.CreateStream(), mark = driver.CreateEvent(timed: false), memory = driver.Allocate(64, stream), host = driver.AllocateHost(64);
        nint unpinned = (nint)NativeMemory.Alloc(64);
        foreach (Action call in (Action[])
            [
                () => driver.Allocate(64, stream), () => driver.Free(memory, stream), () => driver.AllocateHost(64), () => driver.FreeHost(host), () => driver.Synchronize(stream), () => driver.IsIdle(stream),
                () => driver.WaitHere(mark), () => driver.IsPast(mark), () => driver.LoadModule(".version 7.8\n.target sm_80\n.address_size 64\n"u8), () => driver.CopyToDevice(unpinned, memory, 64, stream),
                () => driver.CopyToHost(memory, unpinned, 64, stream),
            ])
        {
            driver.BeginCapture(stream);
            driver.Record(mark, stream);
            Assert.Equal(900, Assert.Throws<CudaException>(call).Code);
            Assert.Equal(901, Assert.Throws<CudaException>(() => driver.Fill8(memory, 1, 64, stream)).Code);
            driver.Fill8(memory, 2, 64, other);
            Assert.Equal(901, Assert.Throws<CudaException>(() => driver.EndCapture(stream)).Code);
            driver.Fill8(memory, 3, 64, stream);
        }
        driver.BeginCapture(stream);
        Assert.Equal(900, Assert.Throws<CudaException>(() => driver.BeginCapture(stream)).Code);
        driver.DestroyGraph(driver.EndCapture(stream));
        NativeMemory.Free((void*)unpinned);
    }
}

/// <summary>An operation that does what only the host can.</summary>
static class Offender
{
    internal static void Do(string fault, Tensor x, int run)
    {
        switch (fault)
        {
            case "read": _ = x.Slice(0, 0, 1).ToArray<float>(); break;
            case "write": x.Write<float>(new float[300]); x.Fill(1); break;
            case "wait": x.Device.Synchronize(); break;
            default: using (Step step = Step.Begin()) _ = Tensor.Like(x, [100_000 * run]); break;
        }
    }
}
