namespace MiniTorch;

/// <summary>A number of a formula that becomes nodes of the calling thread's <see cref="OnnxGraph"/>: evaluating a formula on it writes the formula down.</summary>
readonly struct OnnxValue(string name) : IReal<OnnxValue>
{
    /// <summary>The value's name.</summary>
    internal string Name => name;

    static OnnxGraph Graph => OnnxGraph.Current ?? throw new TensorException("OnnxValue: no forward pass is being written");

    public static bool IsSingle => false;
    public static OnnxValue Of(double value) => new(Graph.Scalar(value));
    public static OnnxValue operator +(OnnxValue a, OnnxValue b) => Node("Add", a, b);
    public static OnnxValue operator -(OnnxValue a, OnnxValue b) => Node("Sub", a, b);
    public static OnnxValue operator *(OnnxValue a, OnnxValue b) => Node("Mul", a, b);
    public static OnnxValue operator /(OnnxValue a, OnnxValue b) => Node("Div", a, b);
    public static OnnxValue operator -(OnnxValue a) => Node("Neg", a);
    public static OnnxValue MultiplyAdd(OnnxValue a, OnnxValue b, OnnxValue c) => a * b + c;
    public static OnnxValue Min(OnnxValue a, OnnxValue b) => Node("Min", a, b);
    public static OnnxValue Max(OnnxValue a, OnnxValue b) => Node("Max", a, b);
    public static OnnxValue Abs(OnnxValue a) => Node("Abs", a);
    public static OnnxValue Sqrt(OnnxValue a) => Node("Sqrt", a);
    public static OnnxValue Floor(OnnxValue a) => Node("Floor", a);
    public static OnnxValue Exp(OnnxValue a) => Node("Exp", a);
    public static OnnxValue Log(OnnxValue a) => Node("Log", a);
    public static OnnxValue Erf(OnnxValue a) => Node("Erf", a);
    public static OnnxValue Tanh(OnnxValue a) => Node("Tanh", a);
    public static OnnxValue Greater(OnnxValue a, OnnxValue b) => Node("Greater", a, b);
    public static OnnxValue Equal(OnnxValue a, OnnxValue b) => Node("Equal", a, b);
    public static OnnxValue Select(OnnxValue mask, OnnxValue a, OnnxValue b) => new(Graph.Node("Where", [mask.Name, a.Name, b.Name]));

    static OnnxValue Node(string operation, OnnxValue a) => new(Graph.Node(operation, [a.Name]));
    static OnnxValue Node(string operation, OnnxValue a, OnnxValue b) => new(Graph.Node(operation, [a.Name, b.Name]));
}
