using System.CommandLine;
using MiniTorch.Models;
using Spectre.Console;

namespace MiniTorch.Cli;

/// <summary>dcls summary: the parts of a model, their shapes, parameters, work and memory.</summary>
static class SummaryCommand
{
    static readonly Argument<string> model = new("MODEL") { Description = $"One of: {NamedModels.Names}." };
    static readonly Option<int?> classes = Options.Number<int>("--classes", "Number of classes (default: 1000, or 10 for models of small images).", "N", 1);

    sealed record Layer(string Path, string Kind, int[] Output, long Parameters, long Macs);

    sealed record Result(string Model, int[] Input, long Parameters, long Macs, long ParameterBytes, long PeakBytes, IReadOnlyList<Layer> Layers);

    internal static Command Make()
    {
        Command command = Examples.On(new("summary", "Shows a model as a tree with shapes, parameters, multiply-accumulates and memory, for one image."),
            "dcls summary convnext_dcls_fashion", "dcls summary convnext_dcls_tiny --json");
        command.Add(model);
        foreach (Option option in (ReadOnlySpan<Option>)[classes, Options.Threads, Options.Device, Options.Json, Options.Debug]) command.Add(option);
        command.SetAction(Summarise);
        return command;
    }

    static int Summarise(ParseResult parsed)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        NamedModel named = NamedModels.Of(parsed.GetValue(model)!);
        using Device device = Options.OpenDevice(parsed, terminal);
        Shape sample = Shape.Create(named.Sample);
        (ILayer net, ParameterStore store) = ParameterStore.Build(at => named.Network.Build(at, sample, parsed.GetValue(classes) ?? named.Classes), device);
        using (store)
        {
            IReadOnlyList<LayerTrace> traces;
            using (Step step = Step.Begin())
            using (Tape.Paused())
            {
                Tensor x = Tensor.Zeros(Shape.Create([1, .. named.Sample]), DType.Float32, device);
                traces = Trace.Of(() => net.Forward(x));
            }
            Result r = new(named.Name, named.Sample, store.ParameterCount, traces.Sum(static t => t.Macs), store.ParameterCount * sizeof(float), device.Pool.PeakBytes,
                [.. traces.Select(static t => new Layer(t.Path, t.Kind, t.Output.Dims.ToArray(), t.Parameters, t.Macs))]);
            terminal.Emit(r);
            if (!terminal.Json) Draw(terminal, r, traces);
        }
        return ExitCode.Done;
    }

    static void Draw(Terminal terminal, Result r, IReadOnlyList<LayerTrace> layers)
    {
        Draw(terminal, r.Model, r.Input, layers);
        terminal.Say($"{r.Parameters:n0} parameters (shared ones once), {r.ParameterBytes / 1048576.0:0.0} MiB; {Short(r.Macs)} MACs an image; "
            + $"{r.PeakBytes / 1048576.0:0.0} MiB at most in a forward pass");
    }

    /// <summary>The parts of a network as a tree.</summary>
    internal static void Draw(Terminal terminal, string model, int[] input, IReadOnlyList<LayerTrace> layers)
    {
        Tree tree = new(Markup.Escape($"{model}  input [1, {string.Join(", ", input)}]"));
        Dictionary<string, TreeNode> nodes = [];
        foreach (LayerTrace layer in layers) Node(layer.Path, $"  {layer.Kind}  {layer.Output}  {layer.Parameters:n0} parameters  {Short(layer.Macs)} MACs");
        terminal.Ansi.Write(tree);

        TreeNode Node(string path, string text)
        {
            int cut = path.LastIndexOf('.');
            string name = path[(cut + 1)..];
            TreeNode node = cut < 0 ? tree.AddNode(Markup.Escape(name + text)) : Parent(path[..cut]).AddNode(Markup.Escape(name + text));
            nodes.TryAdd(path, node);
            return node;
        }

        TreeNode Parent(string path) => nodes.TryGetValue(path, out TreeNode? known) ? known : Node(path, "");
    }

    /// <summary>A large number in G or M.</summary>
    internal static string Short(long n) => n >= 1_000_000_000 ? $"{n / 1e9:0.00} G" : n >= 1_000_000 ? $"{n / 1e6:0.0} M" : $"{n:n0}";
}
