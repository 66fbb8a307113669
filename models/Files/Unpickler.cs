using System.Buffers.Binary;
using System.Text;

namespace MiniTorch.Models;

/// <summary>A tensor of a pickle: which storage it lies in, how many elements that has and of what type, and where its own are, counted in elements.</summary>
sealed record PickledTensor(string Storage, string Type, long StorageCount, long Offset, long[] Size, long[] Stride);

/// <summary>
/// Reads a pickle (protocols 2 to 5) as data: dictionaries, lists, tuples, texts, numbers, and the tensors of a PyTorch file. Nothing is executed. A name that the pickle refers to is
/// one of those that rebuild tensors, or one of a few whose objects are passed over; any other is an <see cref="InvalidDataException"/>, as is every opcode that plain
/// checkpoints have no need of. Time and memory are bounded by the length of the pickle: what a pickle says twice is one object here.
/// </summary>
ref struct Unpickler
{
    static readonly object mark = new(), inert = new();
    static readonly UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Names whose objects are made and passed over: settings and counters that stand beside the weights.</summary>
    static readonly HashSet<string> passedOver =
    [
        "argparse Namespace", "torch device", "torch Size", "torch Generator", "_codecs encode", "numpy dtype", "numpy ndarray", "numpy.core.multiarray scalar", "numpy._core.multiarray scalar",
        "numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct", "torch float32", "torch float64", "torch float16", "torch bfloat16", "torch int64", "pathlib PosixPath",
    ];

    static readonly Dictionary<string, string> storageTypes = new()
    {
        ["FloatStorage"] = "F32", ["DoubleStorage"] = "F64", ["HalfStorage"] = "F16", ["BFloat16Storage"] = "BF16", ["LongStorage"] = "I64", ["IntStorage"] = "I32", ["ByteStorage"] = "U8", ["BoolStorage"] = "BOOL",
    };

    /// <summary>What a pickle calls when it makes something.</summary>
    enum Maker { Dictionary, Tensor, Parameter, PassedOver }

    sealed record StorageType(string Type);

    sealed record Storage(string Key, string Type, long Count);

    readonly ReadOnlySpan<byte> pickle;
    readonly List<object?> stack = [];
    readonly Dictionary<int, object?> memo = [];
    int at;

    Unpickler(ReadOnlySpan<byte> pickle) => this.pickle = pickle;

    /// <summary>The object that a pickle describes.</summary>
    internal static object? Read(ReadOnlySpan<byte> pickle) => new Unpickler(pickle).Run();

    object? Run()
    {
        while (true)
        {
            byte op = Bytes(1)[0];
            switch (op)
            {
                case 0x80: _ = Bytes(1); break;                                             // PROTO
                case 0x95: _ = Bytes(8); break;                                             // FRAME
                case (byte)'.': return stack.Count == 1 ? stack[0] : throw Bad($"{stack.Count} objects are left at its end");
                case (byte)'(': stack.Add(mark); break;
                case (byte)'0': _ = Pop(); break;
                case (byte)'1': _ = Marked(); break;
                case (byte)'N': stack.Add(null); break;
                case 0x88: stack.Add(true); break;
                case 0x89: stack.Add(false); break;
                case (byte)'K': stack.Add((long)Bytes(1)[0]); break;
                case (byte)'M': stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
                case (byte)'J': stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
                case 0x8a: stack.Add(Long(Bytes(1)[0])); break;
                case (byte)'G': stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
                case (byte)'X': stack.Add(Text(Length())); break;
                case 0x8c: stack.Add(Text(Bytes(1)[0])); break;
                case (byte)'U' or (byte)'C': _ = Bytes(Bytes(1)[0]); stack.Add(inert); break;           // bytes: only of what is passed over
                case (byte)'B': _ = Bytes(Length()); stack.Add(inert); break;
                case (byte)']': stack.Add(new List<object?>()); break;
                case (byte)'}': stack.Add(new Dictionary<string, object?>()); break;
                case 0x8f: stack.Add(inert); break;                                                     // an empty set
                case (byte)')': stack.Add(Array.Empty<object?>()); break;
                case 0x85: stack.Add(Popped(1)); break;
                case 0x86: stack.Add(Popped(2)); break;
                case 0x87: stack.Add(Popped(3)); break;
                case (byte)'t': stack.Add(Marked()); break;
                case (byte)'a': object? item = Pop(); Append([item]); break;
                case (byte)'e': Append(Marked()); break;
                case 0x90: _ = Marked(); _ = Top(); break;                                              // adds to a set
                case (byte)'s': Set(Popped(2)); break;
                case (byte)'u': Set(Marked()); break;
                case (byte)'q': memo[Bytes(1)[0]] = Top(); break;
                case (byte)'r': memo[Length()] = Top(); break;
                case 0x94: memo[memo.Count] = Top(); break;
                case (byte)'h': stack.Add(Remembered(Bytes(1)[0])); break;
                case (byte)'j': stack.Add(Remembered(Length())); break;
                case (byte)'c': stack.Add(Named(Line(), Line())); break;
                case 0x93: object?[] names = Popped(2); stack.Add(Named(names[0] as string, names[1] as string)); break;
                case (byte)'Q': stack.Add(Persistent(Pop())); break;
                case (byte)'R' or 0x81: object?[] call = Popped(2); stack.Add(Made(call[0], call[1] as object?[])); break;
                case (byte)'b': _ = Pop(); _ = Top(); break;                                            // attributes, which no weight depends on
                default: throw Bad($"opcode 0x{op:x2} at {at - 1} is not allowed");
            }
        }
    }

    static InvalidDataException Bad(string why) => new("its pickle cannot be read: " + why);

    ReadOnlySpan<byte> Bytes(int count)
    {
        if (count < 0 || count > pickle.Length - at) throw Bad("it ends too early");
        at += count;
        return pickle.Slice(at - count, count);
    }

    int Length()
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));
        return length <= int.MaxValue ? (int)length : throw Bad("it ends too early");
    }

    string Text(int bytes) => strict.GetString(Bytes(bytes));

    string Line()
    {
        int length = pickle[at..].IndexOf((byte)'\n');
        string line = Text(length);
        at++;
        return line;
    }

    /// <summary>A whole number of up to 8 bytes; longer ones are no sizes and are passed over.</summary>
    object Long(int bytes)
    {
        ReadOnlySpan<byte> digits = Bytes(bytes);
        if (bytes > 8) return inert;
        long value = bytes > 0 && (digits[^1] & 0x80) != 0 ? -1 : 0;
        for (int i = bytes - 1; i >= 0; i--) value = value << 8 | digits[i];
        return value;
    }

    readonly object? Top() => stack.Count > 0 && stack[^1] != mark ? stack[^1] : throw Bad("its stack is empty");

    readonly object? Pop()
    {
        object? top = Top();
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    readonly object?[] Popped(int count)
    {
        object?[] items = new object?[count];
        for (int i = count - 1; i >= 0; i--) items[i] = Pop();
        return items;
    }

    readonly object?[] Marked()
    {
        int begin = stack.LastIndexOf(mark);
        if (begin < 0) throw Bad("a mark is missing");
        object?[] items = [.. stack[(begin + 1)..]];
        stack.RemoveRange(begin, stack.Count - begin);
        return items;
    }

    readonly object? Remembered(int index) => memo.TryGetValue(index, out object? known) ? known : throw Bad($"nothing was remembered as {index}");

    readonly void Append(ReadOnlySpan<object?> items)
    {
        object? to = Top();
        if (to is List<object?> list) list.AddRange(items);
        else if (to != inert) throw Bad("items are added to what is no list");
    }

    /// <summary>Entries of a dictionary; those whose key is no text are of an optimizer's, and passed over.</summary>
    readonly void Set(object?[] pairs)
    {
        object? to = Top();
        if (to == inert) return;
        if (to is not Dictionary<string, object?> dictionary || pairs.Length % 2 != 0) throw Bad("entries are added to what is no dictionary");
        for (int i = 0; i < pairs.Length; i += 2)
            if (pairs[i] is string key && !dictionary.TryAdd(key, pairs[i + 1])) throw Bad($"it has '{key}' twice");
    }

    static object Named(string? module, string? name) => $"{module} {name}" switch
    {
        "collections OrderedDict" or "builtins dict" or "__builtin__ dict" => Maker.Dictionary,
        "torch._utils _rebuild_tensor_v2" => Maker.Tensor,
        "torch._utils _rebuild_parameter" => Maker.Parameter,
        string known when passedOver.Contains(known) => Maker.PassedOver,
        string storage when module == "torch" && storageTypes.TryGetValue(name!, out string? type) => new StorageType(type),
        _ => throw Bad($"it names {module}.{name}, and only what rebuilds tensors is allowed"),
    };

    /// <summary>("storage", type, key, device, number of elements).</summary>
    static Storage Persistent(object? id) => id is object?[] and ["storage", StorageType type, string key, string, long count] ? new(key, type.Type, count) : throw Bad("a storage is not described as PyTorch does");

    static object? Made(object? maker, object?[]? arguments) => (maker, arguments) switch
    {
        (Maker.Dictionary, []) => new Dictionary<string, object?>(),
        (Maker.Tensor, [Storage s, long offset, object?[] size, object?[] stride, ..]) => new PickledTensor(s.Key, s.Type, s.Count, offset, Numbers(size), Numbers(stride)),
        (Maker.Parameter, [PickledTensor tensor, ..]) => tensor,
        (Maker.PassedOver, not null) => inert,
        _ => throw Bad("something is made that is neither a dictionary nor a tensor"),
    };

    static long[] Numbers(object?[] items) => Array.ConvertAll(items, static i => i as long? ?? throw Bad("a size is no number"));
}
