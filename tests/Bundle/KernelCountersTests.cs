using MiniTorch.Bundle;

namespace MiniTorch.Tests.Bundle;

/// <summary>What ncu --csv prints, as public logs of it have it: words of the tool between, every field in quotes, thousands with commas, n/a for what a GPU does not count.</summary>
public sealed class KernelCountersTests
{
    const string Head = "\"ID\",\"Process ID\",\"Process Name\",\"Host Name\",\"Kernel Name\",\"Context\",\"Stream\",\"Block Size\",\"Grid Size\",\"Device\",\"CC\",\"Section Name\",\"Metric Name\",\"Metric Unit\",\"Metric Value\"";

    static string Line(int id, string kernel, string metric, string unit, string value)
        => $"\"{id}\",\"19963\",\"dcls\",\"127.0.0.1\",\"{kernel}\",\"1\",\"7\",\"(256, 1, 1)\",\"(16384, 1, 1)\",\"0\",\"9.0\",\"Command line profiler metrics\",\"{metric}\",\"{unit}\",\"{value}\"";

    [Fact]
    public void Launches_of_a_kernel_are_added_up_and_the_longest_is_first()
    {
        string[] lines =
        [
            "==PROF== Connected to process 19963 (/b/dcls)", "==PROF== Profiling \"depthwise\" - 0: 0%....50%....100% - 9 passes", "{\"model\":\"convnext_dcls_tiny\"}", Head,
            Line(0, "layerNorm", "gpu__time_duration.sum", "nsecond", "2,000"), Line(0, "layerNorm", "dram__bytes.sum", "byte", "1,500,000"), Line(0, "layerNorm", "launch__registers_per_thread", "register/thread", "40"),
            Line(1, "depthwise<17, (int)2>", "gpu__time_duration.sum", "ns", "90,000"), Line(1, "depthwise<17, (int)2>", "sm__throughput.avg.pct_of_peak_sustained_elapsed", "%", "80"),
            Line(1, "depthwise<17, (int)2>", "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum", "", "2,500,000"), Line(1, "depthwise<17, (int)2>", "l1tex__t_bytes_pipe_lsu_mem_local_op_ld.sum", "byte", "0"),
            Line(2, "depthwise<17, (int)2>", "gpu__time_duration.sum", "usecond", "30"), Line(2, "depthwise<17, (int)2>", "sm__throughput.avg.pct_of_peak_sustained_elapsed", "%", "40"),
            Line(2, "depthwise<17, (int)2>", "dram__throughput.avg.pct_of_peak_sustained_elapsed", "", "n/a"), "\"2\",\"cut off", "==PROF== Disconnected from process 19963",
        ];
        IReadOnlyList<KernelCounters> counted = KernelCounters.Parse(lines);
        Assert.Equal(["depthwise<17, (int)2>", "2", "120.0", "-", "70.0", "-", "-", "2.500", "-", "0"], counted[0].Cells());
        Assert.Equal(["layerNorm", "1", "2.0", "1.5", "-", "-", "-", "-", "40", "-"], counted[1].Cells());
        Assert.Equal(2, counted.Count);
        Assert.Equal(KernelCounters.Columns.Length, counted[0].Cells().Length);
    }

    [Fact]
    public void Words_without_a_table_are_nothing()
    {
        Assert.Empty(KernelCounters.Parse(["==ERROR== ERR_NVGPUCTRPERM - The user does not have permission", "", "\"0\",\"1\""]));
        Assert.Empty(KernelCounters.Parse([Head, Line(0, "k", "gpu__time_duration.sum", "furlong", "3"), Line(0, "k", "gpu__time_duration.sum", "ns", "nan?")]));
    }
}
