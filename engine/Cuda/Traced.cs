namespace MiniTorch.Cuda;

/// <summary>
/// A number that a formula will compute on a GPU: the place of its step in the calling thread's <see cref="FormulaTrace"/>. Evaluating a formula on it notes the formula down. Every
/// sum and product is rounded as it is written, so that results are those of the CPU's lanes.
/// </summary>
readonly struct Traced(short value) : IFloat<Traced>
{
    const string Add = "add.rn.f32", Shift = "shl.b32";
    const int Fraction = 23, Bias = 127;

    /// <summary>Number of the value; negative numbers are constants.</summary>
    internal readonly short Value = value;

    public static bool IsSingle => true;
    public static Traced Of(double value) => FormulaTrace.Current.Constant(BitConverter.SingleToUInt32Bits((float)value));
    public static Traced operator +(Traced a, Traced b) => Note(Add, a, b);
    public static Traced operator -(Traced a, Traced b) => Note("sub.rn.f32", a, b);
    public static Traced operator *(Traced a, Traced b) => Note("mul.rn.f32", a, b);
    public static Traced operator /(Traced a, Traced b) => Note("div.rn.f32", a, b);
    public static Traced operator -(Traced a) => Note("neg.f32", a);
    public static Traced MultiplyAdd(Traced a, Traced b, Traced c) => Note("fma.rn.f32", a, b, c);
    public static Traced Min(Traced a, Traced b) => Note("min.NaN.f32", a, b);
    public static Traced Max(Traced a, Traced b) => Note("max.NaN.f32", a, b);
    public static Traced AtLeast(Traced a, Traced bound) => Max(a, bound);
    public static Traced AtMost(Traced a, Traced bound) => Min(a, bound);
    public static Traced Abs(Traced a) => Note("abs.f32", a);
    public static Traced Sqrt(Traced a) => Note("sqrt.rn.f32", a);
    public static Traced Floor(Traced a) => Note("cvt.rmi.f32.f32", a);
    public static Traced Exp(Traced a) => Elementary.Exp(a);
    public static Traced Log(Traced a) => Elementary.Log(a);
    public static Traced Erf(Traced a) => Elementary.Erf(a);
    public static Traced Tanh(Traced a) => Elementary.Tanh(a);
    public static Traced Greater(Traced a, Traced b) => Note(FormulaTrace.Compare + "gt.f32", a, b);
    public static Traced Equal(Traced a, Traced b) => Note(FormulaTrace.Compare + "eq.f32", a, b);
    public static Traced Select(Traced mask, Traced a, Traced b) => Note("selp.f32", a, b, mask);
    public static Traced Round(Traced a) => Note("cvt.rni.f32.f32", a);
    public static Traced PowerOfTwo(Traced n) => Note(Shift, Note("add.s32", Note("cvt.rni.s32.f32", n), Word(Bias)), Word(Fraction));
    public static Traced Exponent(Traced a) => Note("cvt.rn.f32.s32", Note("add.s32", Note("shr.u32", a, Word(Fraction)), Word(1 - Bias)));
    public static Traced Mantissa(Traced a) => Note("or.b32", Note("and.b32", a, Word(0x7FFFFF)), Word(0x3F000000));

    static Traced Word(int bits) => FormulaTrace.Current.Constant((uint)bits);
    static Traced Note(string instruction, Traced a) => FormulaTrace.Current.Note(instruction, a.Value);
    static Traced Note(string instruction, Traced a, Traced b) => FormulaTrace.Current.Note(instruction, a.Value, b.Value);
    static Traced Note(string instruction, Traced a, Traced b, Traced c) => FormulaTrace.Current.Note(instruction, a.Value, b.Value, c.Value);
}
