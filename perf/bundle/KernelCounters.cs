using System.Globalization;
using System.Text;

namespace MiniTorch.Bundle;

/// <summary>
/// What Nsight Compute counted of a kernel over its launches: µs and MB in all; of the peak of multiprocessors, of memory and of tensor cores, %, weighted by time; wavefronts of shared memory in
/// millions; bytes read from local memory, which are registers that spilled. Null where the tool has no such counter.
/// </summary>
sealed record KernelCounters(string Kernel, int Launches, double? Microseconds, double? Megabytes, double? Multiprocessors, double? Memory, double? TensorCores, double? SharedWavefronts, double? Registers, double? LocalBytes)
{
    const string Time = "gpu__time_duration.sum", Bytes = "dram__bytes.sum", Sm = "sm__throughput.avg.pct_of_peak_sustained_elapsed", Dram = "dram__throughput.avg.pct_of_peak_sustained_elapsed",
        Tensor = "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed", Shared = "l1tex__data_pipe_lsu_wavefronts_mem_shared.sum", Held = "launch__registers_per_thread",
        Local = "l1tex__t_bytes_pipe_lsu_mem_local_op_ld.sum";

    /// <summary>Names that the tool knows them by.</summary>
    internal static readonly string[] Metrics = [Time, Bytes, Sm, Dram, Tensor, Shared, Held, Local];

    internal static readonly string[] Columns = ["kernel", "launches", "µs", "MB", "SM %", "DRAM %", "tensor %", "shared Mwaves", "registers", "local bytes"];

    internal string[] Cells() => [Kernel, $"{Launches}", Told(Microseconds), Told(Megabytes), Told(Multiprocessors), Told(Memory), Told(TensorCores), Told(SharedWavefronts, "0.000"), Told(Registers, "0"), Told(LocalBytes, "0")];

    /// <summary>
    /// Kernels, longest first, of the lines that ncu --csv writes: one for each metric of each launch, every field in quotes, below a line of names. Lines of other shapes, such as the tool's words, are passed over.
    /// </summary>
    internal static IReadOnlyList<KernelCounters> Parse(IEnumerable<string> lines)
    {
        Dictionary<(string Kernel, string Id), Dictionary<string, double>> launches = [];
        int id = -1, kernel = -1, metric = -1, unit = -1, value = -1;
        foreach (string line in lines)
        {
            List<string> fields = Fields(line);
            if (fields.Contains("Metric Name"))
            {
                (id, kernel, metric, unit, value) = (fields.IndexOf("ID"), fields.IndexOf("Kernel Name"), fields.IndexOf("Metric Name"), fields.IndexOf("Metric Unit"), fields.IndexOf("Metric Value"));
                continue;
            }
            if (id < 0 || kernel < 0 || unit < 0 || value < 0 || fields.Count <= Math.Max(value, Math.Max(kernel, unit))) continue;
            if (!double.TryParse(fields[value], NumberStyles.Number | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number) || Scale(fields[unit]) is not { } scale) continue;
            (string, string) key = (fields[kernel], fields[id]);
            if (!launches.TryGetValue(key, out Dictionary<string, double>? counted)) launches[key] = counted = [];
            counted[fields[metric]] = number * scale;
        }
        return [.. launches.GroupBy(static l => l.Key.Kernel).Select(static g => Of(g.Key, [.. g.Select(static l => l.Value)])).OrderByDescending(static c => c.Microseconds)];
    }

    static KernelCounters Of(string kernel, Dictionary<string, double>[] launches)
    {
        return new(kernel, launches.Length, 1e6 * Sum(Time), 1e-6 * Sum(Bytes), Mean(Sm), Mean(Dram), Mean(Tensor), 1e-6 * Sum(Shared), Most(Held), Sum(Local));

        IEnumerable<Dictionary<string, double>> With(string metric) => launches.Where(l => l.ContainsKey(metric));
        double? Sum(string metric) => With(metric).Any() ? With(metric).Sum(l => l[metric]) : null;
        double? Most(string metric) => With(metric).Select(l => (double?)l[metric]).Max();
        double? Mean(string metric)
        {
            double weight = With(metric).Sum(static l => l.GetValueOrDefault(Time));
            return weight > 0 ? With(metric).Sum(l => l[metric] * l.GetValueOrDefault(Time)) / weight : null;
        }
    }

    /// <summary>To seconds, bytes or percent; null for a unit that is not known.</summary>
    static double? Scale(string unit) => unit switch
    {
        "" or "%" or "byte" or "second" or "s" or "register/thread" => 1,
        "nsecond" or "ns" => 1e-9,
        "usecond" or "us" => 1e-6,
        "msecond" or "ms" => 1e-3,
        "Kbyte" => 1e3,
        "Mbyte" => 1e6,
        "Gbyte" => 1e9,
        _ => null,
    };

    /// <summary>Fields of a line in quotes, with commas between; a quote within is doubled.</summary>
    static List<string> Fields(string line)
    {
        List<string> fields = [];
        StringBuilder field = new();
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"') field.Append(line[i++]);
            else if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else field.Append(c);
        }
        fields.Add(field.ToString());
        return fields;
    }

    static string Told(double? value, string format = "0.0") => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
