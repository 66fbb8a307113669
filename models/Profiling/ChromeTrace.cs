using System.Text.Json;

namespace MiniTorch.Models.Profiling;

/// <summary>
/// A profiled step as events that chrome://tracing and Perfetto draw: step, phase, layer, op and kernel, each inside the one before, and the memory in use as a counter. Source:
/// the Trace Event Format of the Chromium project.
/// </summary>
static class ChromeTrace
{
    const double Micro = 1e6;

    /// <summary>Writes the events as one JSON object.</summary>
    internal static void Write(Stream to, StepProfile step, string title)
    {
        using Utf8JsonWriter json = new(to);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        Name(json, "process_name", title);
        Name(json, "thread_name", "device");
        Event(json, "step", "step", 0, step.Seconds, null);
        foreach (PhaseRun phase in step.Phases) Event(json, phase.Name, "phase", phase.Begin, phase.End, null);
        foreach (KernelRun[] layer in Runs(step.Kernels, static k => (k.Phase, k.Layer)))
        {
            Event(json, layer[0].Layer.Length == 0 ? ProfileTable.Outside : layer[0].Layer, "layer", layer[0].Begin, layer[^1].End, null);
            foreach (KernelRun[] op in Runs(layer, static k => (k.Call, k.Op)))
            {
                Event(json, op[0].Op, "op", op[0].Begin, op[^1].End, null);
                foreach (KernelRun kernel in op)
                {
                    Event(json, kernel.Kernel, "kernel", kernel.Begin, kernel.End, kernel);
                    Memory(json, kernel);
                }
            }
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Neighbours that share a key.</summary>
    static IEnumerable<KernelRun[]> Runs<K>(IReadOnlyList<KernelRun> kernels, Func<KernelRun, K> key)
    {
        for (int i = 0, end; i < kernels.Count; i = end)
        {
            for (end = i + 1; end < kernels.Count && EqualityComparer<K>.Default.Equals(key(kernels[end]), key(kernels[i]));) end++;
            yield return [.. kernels.Skip(i).Take(end - i)];
        }
    }

    static void Event(Utf8JsonWriter json, string name, string category, double begin, double end, KernelRun? kernel)
    {
        Start(json, name, "X", begin);
        json.WriteString("cat", category);
        json.WriteNumber("dur", At(end) - At(begin));
        if (kernel is not null)
        {
            json.WriteStartObject("args");
            if (kernel.Cost is { } cost) Costs(json, cost);
            if (kernel.Counted is { } counted) Counters(json, counted);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    static void Costs(Utf8JsonWriter json, in Cost cost)
    {
        json.WriteString("shape", cost.Shape);
        json.WriteNumber("flops", cost.Flops);
        json.WriteNumber("bytes", cost.Bytes);
    }

    static void Counters(Utf8JsonWriter json, in GpuCounters counted)
    {
        json.WriteNumber("launches", counted.Launches);
        json.WriteNumber("warp_instructions", counted.WarpInstructions);
        json.WriteNumber("global_sectors", counted.GlobalSectors);
        json.WriteNumber("ideal_global_sectors", counted.IdealGlobalSectors);
        json.WriteNumber("shared_wavefronts", counted.SharedWavefronts);
        json.WriteNumber("ideal_shared_wavefronts", counted.IdealSharedWavefronts);
        json.WriteString("bound", counted.Bound.ToString());
    }

    static void Memory(Utf8JsonWriter json, KernelRun kernel)
    {
        Start(json, "memory", "C", kernel.End);
        json.WriteStartObject("args");
        json.WriteNumber("bytes", kernel.LiveBytes);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void Name(Utf8JsonWriter json, string what, string name)
    {
        Start(json, what, "M", 0);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void Start(Utf8JsonWriter json, string name, string kind, double time)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("ph", kind);
        json.WriteNumber("ts", At(time));
        json.WriteNumber("pid", 1);
        json.WriteNumber("tid", 1);
    }

    /// <summary>Microseconds in whole nanoseconds: an end rounded like the begin that follows it, so that neighbours never overlap.</summary>
    static decimal At(double seconds) => Math.Round((decimal)(seconds * Micro), 3);
}
