using System.Diagnostics;

namespace MiniTorch;

/// <summary>
/// A dense, row-major array on a device: a handle to storage, which owns nothing. Images are channels last ([n, h, w, c]), sequences [time, batch, c].
/// What is computed inside a <see cref="Step"/> belongs to that step; parameters, states and loader buffers are lasting.
/// </summary>
public sealed class Tensor
{
    readonly long offset;
    internal readonly Storage Storage;
    internal Op? Source;
    internal bool GradientFilled;

    Tensor(Storage storage, long offset, Shape shape, DType dtype, Device device)
        => (Storage, this.offset, Shape, DType, Device, Count) = (storage, offset, shape, dtype, device, checked((int)shape.Count));

    /// <summary>Sizes of the dimensions.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Where the elements live.</summary>
    public Device Device { get; }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>True for leaves that collect gradients: parameters.</summary>
    public bool Trainable { get; private init; }

    /// <summary>What <see cref="Differentiation.Backward"/> left for this parameter, or null before the first time. Lasting, overwritten after an optimizer has read it.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>Of a parameter, while a network computes in bf16: its copy of that type, which a cast hands out instead of casting again.</summary>
    internal Tensor? Rounded { get; set; }

    internal bool Tracked => Trainable || Source is not null;

    /// <summary>A tensor with undefined contents, owned by the open step (or by the collector outside any step).</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.Float32, Device? device = null)
    {
        device ??= Device.Cpu;
        return new(new Storage(device, shape, dtype, StepFrame.Current), 0, shape, dtype, device);
    }

    /// <summary>A tensor of zeros, owned like <see cref="Empty"/>.</summary>
    public static Tensor Zeros(Shape shape, DType dtype = DType.Float32, Device? device = null)
    {
        Tensor x = Empty(shape, dtype, device);
        x.Device.Clear(x.Address, x.Bytes);
        return x;
    }

    /// <summary>An undefined tensor of the same dtype and device, and of the same shape unless another is given.</summary>
    public static Tensor Like(Tensor x, Shape? shape = null) => Empty(shape ?? x.Shape, x.DType, x.Device);

    /// <summary>A tensor holding a copy of <paramref name="values"/> (float, double, int or BFloat16), owned like <see cref="Empty"/>.</summary>
    public static Tensor Of<T>(ReadOnlySpan<T> values, Shape shape, Device? device = null) where T : unmanaged
    {
        Tensor x = Empty(shape, DTypes.Of<T>(), device);
        x.Write(values);
        return x;
    }

    /// <summary>A tensor holding a copy of <paramref name="values"/>, owned like <see cref="Empty"/>.</summary>
    public static Tensor Of<T>(T[] values, Shape shape, Device? device = null) where T : unmanaged => Of((ReadOnlySpan<T>)values, shape, device);

    /// <summary>A scalar.</summary>
    public static Tensor Scalar(double value, DType dtype = DType.Float32, Device? device = null)
    {
        Tensor x = Empty([], dtype, device);
        x.Fill(value);
        return x;
    }

    /// <summary>Zeroed memory that no step owns: parameters, optimizer states, running statistics, loader buffers.</summary>
    public static Tensor Lasting(Shape shape, DType dtype = DType.Float32, Device? device = null, bool trainable = false)
    {
        device ??= Device.Cpu;
        if (trainable && !dtype.IsReal()) throw new TensorException($"Lasting: integers have no gradient, asked for a trainable {dtype.Short()}{shape}");
        Tensor x = new(new Storage(device, shape, dtype, null), 0, shape, dtype, device) { Trainable = trainable };
        device.Clear(x.Address, x.Bytes);
        return x;
    }

    /// <summary>Copies the elements to the host; T must be the tensor's own element type.</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        if (DTypes.Of<T>() != DType) throw new TensorException($"ToArray: {this} holds {DType.Short()}, asked for {DTypes.Of<T>().Short()}; ToDoubles() converts");
        T[] values = new T[Count];
        Device.Read(Address, values.AsSpan());
        GC.KeepAlive(this);
        return values;
    }

    /// <summary>Copies the elements to the host as doubles, whatever their type.</summary>
    public double[] ToDoubles() => DType switch
    {
        DType.Float32 => Array.ConvertAll(ToArray<float>(), static v => (double)v),
        DType.Float64 => ToArray<double>(),
        DType.BFloat16 => Array.ConvertAll(ToArray<BFloat16>(), static v => (double)v),
        _ => Array.ConvertAll(ToArray<int>(), static v => (double)v),
    };

    /// <summary>The value of a one-element tensor.</summary>
    public double Item() => Count == 1 ? ToDoubles()[0] : throw new TensorException($"Item: needs one element, got {this}");

    /// <summary>Overwrites the elements from the host; T must be the tensor's own element type. Raises the version: a value saved for backward is then stale.</summary>
    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        if (values.Length != Count) throw new TensorException($"Write: {this} needs {Count} values, got {values.Length}");
        if (DTypes.Of<T>() != DType) throw new TensorException($"Write: {this} holds {DType.Short()}, got {DTypes.Of<T>().Short()}");
        Device.Write(values, InPlace().Address);
        GC.KeepAlive(this);
    }

    /// <summary>Overwrites the elements from the host, rounding doubles to the tensor's type.</summary>
    public void WriteDoubles(ReadOnlySpan<double> values)
    {
        switch (DType)
        {
            case DType.Float32: Write<float>(Array.ConvertAll(values.ToArray(), static v => (float)v)); break;
            case DType.Float64: Write(values); break;
            case DType.BFloat16: Write<BFloat16>(Array.ConvertAll(values.ToArray(), static v => (BFloat16)v)); break;
            default: Write<int>(Array.ConvertAll(values.ToArray(), static v => (int)v)); break;
        }
    }

    /// <summary>Overwrites every element with one value, rounded to the tensor's type; nothing is copied from the host. Raises the version.</summary>
    public void Fill(double value)
    {
        nint at = InPlace().Address;
        switch (DType)
        {
            case DType.Float32: Device.Fill(at, (float)value, Count); break;
            case DType.Float64: Device.Fill(at, value, Count); break;
            case DType.BFloat16: Device.Fill(at, (BFloat16)value, Count); break;
            default: Device.Fill(at, (int)value, Count); break;
        }
        GC.KeepAlive(this);
    }

    /// <summary>Writes lasting memory in place from another tensor: the steady-state way to carry a value across steps.</summary>
    public void Assign(Tensor x)
    {
        Expect.Shape(x, Shape);
        Expect.Alike(this, x);
        if (!Storage.Lasting) throw new TensorException($"Assign: {this} belongs to a step; only lasting tensors are assigned");
        Device.Copy(x.Address, InPlace().Address, Bytes);
        GC.KeepAlive(x);
    }

    /// <summary>Dtype, shape and device: f32[8, 56, 56, 96] on cpu.</summary>
    public override string ToString() => $"{DType.Short()}{Shape} on {Device}";

    internal long Bytes => (long)Count * DType.Size();

    /// <summary>Another shape over the same elements, or a leading slice of them; recorded by the op that makes it.</summary>
    internal Tensor View(Shape shape, long firstElement = 0)
    {
        Debug.Assert(firstElement + shape.Count <= Count);
        return new(Storage, offset + firstElement * DType.Size(), shape, DType, Device);
    }

    /// <summary>Says which op made this tensor; the op is then part of the graph.</summary>
    internal Tensor From(Op op)
    {
        Source = op;
        op.Gives(this);
        Tape.Shown?.Invoke(this);
        OnnxGraph.Current?.Ends(op, this);
        return this;
    }

    internal nint Address
    {
        get
        {
            nint address = Storage.Address;
            return address != 0 ? address + (nint)offset : throw Gone();
        }
    }

    /// <summary>The only pointer for writing into a tensor that may already have been read: raises the version.</summary>
    internal Pointer InPlace()
    {
        Pointer p = this;
        Storage.Version++;
        return p;
    }

    internal void AddGradient(Tensor g)
    {
        Gradient ??= Lasting(Shape, DType, Device);
        if (GradientFilled) Accumulate.Into(Gradient, g);
        else Gradient.Assign(g);
        GradientFilled = true;
    }

    /// <summary>Frees lasting memory now; for its owner only.</summary>
    internal void Free()
    {
        Gradient?.Free();
        Storage.Free();
    }

    TensorException Gone() => new(Storage.Ending switch
    {
        Ending.Step => $"{this} outlived its step; Keep() it before the step ends, or read it inside",
        Ending.Backward => $"{this} was only held by the graph, and Backward is through with it; Keep() it before its step ends",
        _ => $"{this} was freed by its owner",
    });
}
