namespace MiniTorch.Ops;

/// <summary>
/// The end of a residual block in one pass: y = x + m γ b, with a learned factor γ a channel (layer scale) and m of each example 0 with probability p, else 1 / (1 − p)
/// (drop path, while recording; see <see cref="DropoutOp"/>, whose random numbers it takes). dx = dy, db = m γ dy, dγ = Σ m b dy. Saves b and γ.
/// </summary>
public sealed unsafe partial class ResidualOp : Op
{
    const int BlockSize = 16384;

    readonly Input x, branch, gamma;
    readonly Saved? savedBranch, savedGamma, state;
    readonly uint site;
    readonly double rate;

    ResidualOp(Tensor x, Tensor branch, Tensor? gamma, Tensor? state, uint site, double rate) : base(x, branch, gamma)
    {
        (this.x, this.branch, this.gamma, this.site, this.rate) = (x, branch, gamma, site, rate);
        savedBranch = SaveOptional(gamma is { Tracked: true } ? branch : null);
        savedGamma = SaveOptional(branch.Tracked ? gamma : null);
        this.state = SaveOptional(state);
    }

    /// <summary>x + m γ branch for x and branch [n, ..., c] and γ [c], which is optional; examples are dropped with probability rate, in [0, 1], while recording.</summary>
    public static Tensor Of(Tensor x, Tensor branch, Tensor? gamma, double rate = 0, RandomSite random = default)
    {
        Expect.Real(x);
        Expect.That(x.Shape.Rank >= 2, "x must be [n, ..., c]", x);
        Expect.Shape(branch, x.Shape);
        Expect.Alike(x, branch);
        if (gamma is not null)
        {
            Expect.Shape(gamma, [x.Shape[^1]]);
            Expect.Alike(x, gamma);
        }
        Tensor? state = DropoutOp.Draw(x, rate, random);
        Tensor y = Tensor.Like(x);
        forward.Launch(x.Device, x.DType, new(x, branch, gamma, y, state, Setting.Of(x.Shape, random.Site, rate)));
        return Tape.Tracks(x, branch, gamma) ? y.From(new ResidualOp(x, branch, gamma, state, random.Site, rate)) : y;
    }

    /// <summary>Nothing is dropped.</summary>
    protected internal override string Write(OnnxGraph graph, ReadOnlySpan<Tensor?> operands, Tensor y)
    {
        string branchName = graph.Name(operands[1]!);
        return graph.Node("Add", [graph.Name(operands[0]!), operands[2] is { } factors ? graph.Node("Mul", [branchName, graph.Name(factors)]) : branchName]);
    }

    /// <inheritdoc/>
    protected override void Backward(Tensor dy, Gradients gradients)
    {
        gradients.Add(x, dy);
        bool scaled = gradients.Wants(gamma);
        if (!scaled && savedGamma is null && state is null)
        {
            gradients.Add(branch, dy);
            return;
        }
        Tensor? db = gradients.Wants(branch) ? Tensor.Like(dy) : null, dGamma = scaled ? Tensor.Like(dy, [dy.Shape[^1]]) : null;
        backward.Launch(dy.Device, dy.DType, new(dy, savedBranch, savedGamma, db, dGamma, state, Setting.Of(dy.Shape, site, rate)));
        if (db is not null) gradients.Add(branch, db);
        if (dGamma is not null) gradients.Add(gamma, dGamma);
    }

    /// <summary>Rows of c channels, Rows of them an example.</summary>
    readonly record struct Setting(int Examples, int Rows, int C, uint Site, double Rate)
    {
        internal static Setting Of(Shape x, uint site, double rate) => new(x[0], x.Product(1, x.Rank - 1), x[^1], site, rate);

        internal double Elements => (double)Examples * Rows * C;
        internal int RowsPerBlock => Math.Max(1, BlockSize / Math.Max(1, C));
        internal int BlocksPerExample => Workers.Blocks(Rows, RowsPerBlock);
        internal int Blocks => C == 0 ? 0 : Examples * BlocksPerExample;

        /// <summary>Where a block's elements begin, how many rows they are, and m of their example.</summary>
        internal (long At, int Rows, T Factor) Block<T>(int block, Pointer state) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            int example = block / BlocksPerExample;
            (int row, int end) = Workers.Range(block % BlocksPerExample, Rows, RowsPerBlock);
            T factor = state.IsNull ? T.One : DropoutOp.Factor<T>(state, Site, Rate, example);
            return (((long)example * Rows + row) * C, end - row, factor);
        }
    }

    readonly record struct ForwardArgs(Pointer X, Pointer Branch, Pointer Gamma, Pointer Y, Pointer State, Setting With) : ICost
    {
        public Cost Cost(int size) => new(0, 3 * size * With.Elements, With.Examples, With.Rows, With.C);
    }

    readonly record struct BackwardArgs(Pointer Dy, Pointer Branch, Pointer Gamma, Pointer DBranch, Pointer DGamma, Pointer State, Setting With) : ICost
    {
        public Cost Cost(int size) => new(0, (1 + (DBranch.IsNull ? 0 : 1) + (DGamma.IsNull ? 0 : 1)) * size * With.Elements, With.Examples, With.Rows, With.C);

        /// <summary>Σ m b dy of each block, a row of c.</summary>
        internal nint Partial { get; init; }
    }

    static readonly Kernel<ForwardArgs> forward = Kernel<ForwardArgs>.On<ForwardBody, ForwardCuda>("Residual.forward");
    static readonly Kernel<BackwardArgs> backward = Kernel<BackwardArgs>.On<BackwardBody, BackwardCuda>("Residual.backward");

    struct ForwardBody : ICpuKernel<ForwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in ForwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
            => device.Workers.For(a.With.Blocks, a, &Block<T, V>);

        static void Block<T, V>(in ForwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (long at, int rows, T factor) = a.With.Block<T>(block, a.State);
            int c = a.With.C;
            T* x = a.X.As<T>() + at, b = a.Branch.As<T>() + at, y = a.Y.As<T>() + at, gamma = a.Gamma.As<T>();
            V m = V.All(factor);
            for (; rows > 0; rows--, x += c, b += c, y += c)
            {
                int i = 0;
                for (; i <= c - V.Count; i += V.Count) V.MultiplyAdd(gamma == null ? m : m * V.Load(gamma + i), V.Load(b + i), V.Load(x + i)).Store(y + i);
                for (; i < c; i++) y[i] = T.FusedMultiplyAdd(gamma == null ? factor : factor * gamma[i], b[i], x[i]);
            }
        }
    }

    struct BackwardBody : ICpuKernel<BackwardArgs>
    {
        public static void Run<T, V>(CpuDevice device, in BackwardArgs a) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            if (a.DGamma.IsNull)
            {
                device.Workers.For(a.With.Blocks, a, &Block<T, V>);
                return;
            }
            using Scratch scratch = device.Scratch((long)a.With.Blocks * a.With.C * sizeof(T));
            device.Workers.For(a.With.Blocks, a with { Partial = (nint)scratch.As<T>() }, &Block<T, V>);
            Partials.Sum<T, V>(scratch.As<T>(), a.With.Blocks, a.With.C, a.DGamma.As<T>());
        }

        static void Block<T, V>(in BackwardArgs a, int block) where T : unmanaged, IBinaryFloatingPointIeee754<T> where V : struct, ILanes<V, T>
        {
            (long at, int rows, T factor) = a.With.Block<T>(block, a.State);
            T* dy = a.Dy.As<T>() + at, gamma = a.Gamma.As<T>();
            T* b = a.Partial == 0 ? null : a.Branch.As<T>() + at, db = a.DBranch.IsNull ? null : a.DBranch.As<T>() + at;
            T* dGamma = (T*)a.Partial + (a.Partial == 0 ? 0 : (long)block * a.With.C);
            int c = a.With.C, whole = c - c % V.Count;
            if (dGamma != null) new Span<T>(dGamma, c).Clear();
            V m = V.All(factor);
            for (; rows > 0; rows--, dy += c)
            {
                for (int i = 0; i < whole; i += V.Count)
                {
                    V g = m * V.Load(dy + i);
                    if (b != null) V.MultiplyAdd(g, V.Load(b + i), V.Load(dGamma + i)).Store(dGamma + i);
                    if (db != null) (gamma == null ? g : g * V.Load(gamma + i)).Store(db + i);
                }
                for (int i = whole; i < c; i++)
                {
                    T g = factor * dy[i];
                    if (b != null) dGamma[i] = T.FusedMultiplyAdd(g, b[i], dGamma[i]);
                    if (db != null) db[i] = gamma == null ? g : g * gamma[i];
                }
                if (b != null) b += c;
                if (db != null) db += c;
            }
        }
    }
}

/// <summary>x.AddBranch(branch, …).</summary>
public static class ResidualExtension
{
    extension(Tensor x)
    {
        /// <summary>x + m γ branch: layer scale γ [c] (optional), drop path of whole examples [n, ..., c] at a rate, and the residual sum, in one pass.</summary>
        public Tensor AddBranch(Tensor branch, Tensor? gamma = null, double rate = 0, RandomSite random = default) => ResidualOp.Of(x, branch, gamma, rate, random);
    }
}
