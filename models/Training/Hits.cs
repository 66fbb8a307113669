using MiniTorch.Ops;

namespace MiniTorch.Models;

/// <summary>
/// How many samples of each class were seen and how many of them were guessed: the guess is the class of the largest logit, the first where several are equal. Counted on the
/// device, so that nothing waits for it until somebody asks.
/// </summary>
sealed unsafe partial class Hits(int classes, Device device) : IDisposable
{
    /// <summary>Labels and Guesses are i32 [Count]; Table is i32 [classes, 2]: seen, guessed.</summary>
    readonly record struct Args(Pointer Labels, Pointer Guesses, Pointer Table, int Count, int Classes) : ICost
    {
        public Cost Cost(int size) => new(0, 4.0 * sizeof(int) * Count, Count);
    }

    static readonly Kernel<Args> add = Kernel<Args>.OnSingle<AddBody, AddCuda>("Hits.add");

    readonly Tensor table = Tensor.Lasting([classes, 2], DType.Int32, device);

    /// <summary>Counts a batch: logits [n, classes] and i32 labels [n] of classes that there are; another one is an error, on a GPU one of the kernel.</summary>
    internal void Add(Tensor logits, Tensor labels)
    {
        Expect.Rank(logits, 2, "[n, classes]");
        Expect.Shape(labels, [logits.Shape[0]]);
        Expect.Indices(labels);
        add.Launch(logits.Device, logits.DType, new(labels, logits.Argmax(1), table.InPlace(), labels.Count, classes));
    }

    /// <summary>The counts so far; waits for the device.</summary>
    internal (int Seen, int Right)[] Read()
    {
        int[] values = table.ToArray<int>();
        return [.. Enumerable.Range(0, classes).Select(c => (values[2 * c], values[2 * c + 1]))];
    }

    /// <summary>Starts anew.</summary>
    internal void Clear() => table.Fill(0);

    public void Dispose() => table.Free();

    struct AddBody : ICpuKernel<Args>
    {
        public static void Run<T, V>(CpuDevice device, in Args a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            int* labels = a.Labels.As<int>(), guesses = a.Guesses.As<int>(), table = a.Table.As<int>();
            for (int i = 0; i < a.Count; i++)
            {
                if ((uint)labels[i] >= (uint)a.Classes) throw new TensorException($"Hits: labels must lie in [0, {a.Classes}), got {labels[i]}");
                table[2 * labels[i]]++;
                if (guesses[i] == labels[i]) table[2 * labels[i] + 1]++;
            }
        }
    }
}
