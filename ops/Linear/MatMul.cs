namespace MiniTorch.Ops;

/// <summary>
/// y[…, m, n] = Σₖ a[…, m, k] · b[…, k, n] with leading dimensions broadcast. A vector counts as a row on the left and as a column on the right, and that
/// dimension is missing in the result.
/// </summary>
public sealed class MatMul : Op
{
    readonly Input a, b;
    readonly Saved? savedA, savedB;
    readonly Plan plan;

    MatMul(Tensor a, Tensor b, Plan plan) : base(a, b)
    {
        (this.a, this.b, this.plan) = (a, b, plan);
        savedA = SaveOptional(b.Tracked ? a : null);
        savedB = SaveOptional(a.Tracked ? b : null);
    }

    /// <summary>a [..., m, k] or [k] by b [..., k, n] or [k].</summary>
    public static Tensor Of(Tensor a, Tensor b)
    {
        Expect.Real(a);
        Expect.Alike(a, b);
        Expect.That(a.Shape.Rank > 0, "a needs at least one dimension", a);
        Expect.That(b.Shape.Rank > 0, "b needs at least one dimension", b);
        int inner = b.Shape.Rank == 1 ? b.Shape[0] : b.Shape[^2];
        Expect.That(a.Shape[^1] == inner, $"the last dimension of a must be {inner}, the rows of b {b.Shape}", a);
        Plan plan = Plan.Of(a, b, out Shape result);
        Tensor y = Tensor.Like(a, result);
        foreach (Part p in plan)
            Launch(y, new(p.Of(a, p.A), p.Of(b, p.B), p.Of(y, p.Y), plan.M, plan.N, plan.K) { Batch = p.Count, BatchA = p.StepA, BatchB = p.StepB, BatchC = p.StepY });
        return Tape.Tracks(a, b) ? y.From(new MatMul(a, b, plan)) : y;
    }

    /// <summary>da = dy · bᵀ and db = aᵀ · dy, summed over what was broadcast.</summary>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        bool empty = dy.Count == 0;             // then no product writes what was broadcast
        if (gradients.Wants(a))
        {
            Tensor da = empty ? Tensor.Zeros(a.Shape, dy.DType, dy.Device) : Tensor.Like(dy, a.Shape);
            foreach (Part p in plan.Reducing(overA: true))
                Launch(dy, new(p.Of(dy, p.Y), p.Of(savedB!.Value.Value, p.B), p.Of(da, p.A), plan.M, plan.K, plan.N, TransposeB: true)
                {
                    Batch = p.Count, BatchA = p.StepY, BatchB = p.StepB, BatchC = p.StepA, Accumulate = p.RepeatsA,
                });
            gradients.Add(a, da);
        }
        if (gradients.Wants(b))
        {
            Tensor db = empty ? Tensor.Zeros(b.Shape, dy.DType, dy.Device) : Tensor.Like(dy, b.Shape);
            foreach (Part p in plan.Reducing(overA: false))
                Launch(dy, new(p.Of(savedA!.Value.Value, p.A), p.Of(dy, p.Y), p.Of(db, p.B), plan.K, plan.N, plan.M, TransposeA: true)
                {
                    Batch = p.Count, BatchA = p.StepA, BatchB = p.StepY, BatchC = p.StepB, Accumulate = p.RepeatsB,
                });
            gradients.Add(b, db);
        }
    }

    static readonly Kernel<GemmArgs> product = Kernel<GemmArgs>.On<Gemm.Body, Gemm.Cuda>("MatMul.product");

    static void Launch(Tensor y, in GemmArgs args) => product.Launch(y.Device, y.DType, args);

    /// <summary>One launch: where its first matrices lie, in elements, how many follow and in what steps, and whether its a or b was met before.</summary>
    readonly record struct Part(long A, long B, long Y, int Count, long StepA, long StepB, long StepY, bool RepeatsA, bool RepeatsB)
    {
        internal unsafe Pointer Of(Tensor x, long element) => Pointer.At((void*)(x.Address + (nint)(element * x.DType.Size())));
    }

    /// <summary>The leading dimensions merged as far as their steps allow: the last of them is the batch of a launch, the others are launches.</summary>
    sealed class Plan
    {
        readonly List<(int Size, long A, long B, long Y)> levels = [];

        internal int M { get; private set; }
        internal int N { get; private init; }
        internal int K { get; private init; }

        internal static Plan Of(Tensor a, Tensor b, out Shape result)
        {
            int m = a.Shape.Rank == 1 ? 1 : a.Shape[^2], n = b.Shape.Rank == 1 ? 1 : b.Shape[^1], k = a.Shape[^1];
            ReadOnlySpan<int> leadA = a.Shape.Dims[..Math.Max(0, a.Shape.Rank - 2)], leadB = b.Shape.Dims[..Math.Max(0, b.Shape.Rank - 2)];
            int rank = Math.Max(leadA.Length, leadB.Length);
            Plan plan = new() { M = m, N = n, K = k };
            Span<int> lead = stackalloc int[rank];
            long sizeA = (long)m * k, sizeB = (long)k * n, sizeY = (long)m * n;
            for (int d = 1; d <= rank; d++)
            {
                int ofA = d <= leadA.Length ? leadA[^d] : 1, ofB = d <= leadB.Length ? leadB[^d] : 1, size = ofA == 1 ? ofB : ofA;
                Expect.That(ofA == size && (ofB == size || ofB == 1) || ofA == 1, $"leading dimensions must broadcast with those of b {b.Shape}", a, nameof(MatMul));
                lead[^d] = size;
                plan.Push(size, ofA == 1 ? 0 : sizeA, ofB == 1 ? 0 : sizeB, sizeY);
                (sizeA, sizeB, sizeY) = (sizeA * ofA, sizeB * ofB, sizeY * size);
            }
            plan.Fold();
            Span<int> dims = [.. lead, .. a.Shape.Rank == 1 ? [] : (ReadOnlySpan<int>)[m], .. b.Shape.Rank == 1 ? [] : (ReadOnlySpan<int>)[n]];
            result = Shape.Create(dims);
            return plan;
        }

        /// <summary>Adds the next outer dimension, as part of the one inside it if all steps continue.</summary>
        void Push(int size, long a, long b, long y)
        {
            if (size == 1) return;
            if (levels.Count > 0 && levels[^1] is var (inside, stepA, stepB, stepY) && a == inside * stepA && b == inside * stepB)
                levels[^1] = (inside * size, stepA, stepB, stepY);
            else levels.Add((size, a, b, y));
        }

        /// <summary>The same b for consecutive a: more rows of one product.</summary>
        void Fold()
        {
            if (levels.Count == 0 || levels[0].B != 0 || levels[0].A != (long)M * K) return;
            M *= levels[0].Size;
            levels.RemoveAt(0);
        }

        public IEnumerator<Part> GetEnumerator() => Parts(levels).GetEnumerator();

        /// <summary>Launches whose batch never runs over a broadcast dimension of the operand that is summed.</summary>
        internal IEnumerable<Part> Reducing(bool overA)
        {
            bool sums = levels.Count > 0 && (overA ? levels[0].A : levels[0].B) == 0;
            return Parts(sums ? [(1, 0, 0, 0), .. levels] : levels);
        }

        static IEnumerable<Part> Parts(List<(int Size, long A, long B, long Y)> levels)
        {
            (int count, long stepA, long stepB, long stepY) = levels.Count > 0 ? levels[0] : (1, 0, 0, 0);
            long launches = 1;
            for (int d = 1; d < levels.Count; d++) launches *= levels[d].Size;
            for (long i = 0; i < launches; i++)
            {
                (long a, long b, long y, long rest, bool repeatsA, bool repeatsB) = (0, 0, 0, i, false, false);
                for (int d = 1; d < levels.Count; rest /= levels[d++].Size)
                {
                    long at = rest % levels[d].Size;
                    a += at * levels[d].A;
                    b += at * levels[d].B;
                    y += at * levels[d].Y;
                    repeatsA |= at > 0 && levels[d].A == 0;
                    repeatsB |= at > 0 && levels[d].B == 0;
                }
                yield return new(a, b, y, count, stepA, stepB, stepY, repeatsA, repeatsB);
            }
        }
    }
}

/// <summary>a.MatMul(b).</summary>
public static class MatMulExtension
{
    extension(Tensor a)
    {
        /// <summary>a [..., m, k] or [k] by b [..., k, n] or [k], leading dimensions broadcast.</summary>
        public Tensor MatMul(Tensor b) => MiniTorch.Ops.MatMul.Of(a, b);
    }
}
