namespace MiniTorch.Cuda.Emulation;

internal static unsafe partial class OpcodeTable
{
    static void AddIntegers32(Dictionary<string, Opcode> t)
    {
        t["add.s32"] = t["add.u32"] = new(&Lane.Binary<Add<uint>, uint>, "Rrr");
        t["sub.s32"] = t["sub.u32"] = new(&Lane.Binary<Subtract<uint>, uint>, "Rrr");
        t["mul.lo.s32"] = t["mul.lo.u32"] = new(&Lane.Binary<Multiply<uint>, uint>, "Rrr");
        t["mad.lo.s32"] = t["mad.lo.u32"] = new(&Lane.Ternary<MultiplyThenAdd<uint>, uint>, "Rrrr");
        t["mul.hi.u32"] = new(&Lane.Each<Upper, uint, uint, uint>, "Rrr");
        t["mul.hi.s32"] = new(&Lane.Each<Upper, int, int, int>, "Rrr");
        t["mad.hi.u32"] = new(&Lane.Each<UpperThenAdd, uint, uint, uint, uint>, "Rrrr");
        t["mad.hi.s32"] = new(&Lane.Each<UpperThenAdd, int, int, int, int>, "Rrrr");
        t["mul.wide.u32"] = new(&Widths.Product, "Drr");
        t["mul.wide.s32"] = new(&Widths.SignedProduct, "Drr");
        t["mad.wide.u32"] = new(&Widths.Product, "Drrd");
        t["mad.wide.s32"] = new(&Widths.SignedProduct, "Drrd");
        t["div.u32"] = new(&Lane.Each<Divide<uint>, uint, uint, uint>, "Rrr");
        t["div.s32"] = new(&Lane.Each<Divide<int>, int, int, int>, "Rrr");
        t["rem.u32"] = new(&Lane.Each<Remainder<uint>, uint, uint, uint>, "Rrr");
        t["rem.s32"] = new(&Lane.Each<Remainder<int>, int, int, int>, "Rrr");
        t["min.u32"] = new(&Lane.Binary<Smaller<uint>, uint>, "Rrr");
        t["max.u32"] = new(&Lane.Binary<Larger<uint>, uint>, "Rrr");
        t["min.s32"] = new(&Lane.Binary<Smaller<int>, int>, "Rrr");
        t["max.s32"] = new(&Lane.Binary<Larger<int>, int>, "Rrr");
        t["abs.s32"] = new(&Lane.Unary<Magnitude<int>, int>, "Rr");
        t["neg.s32"] = new(&Lane.Unary<Opposite<int>, int>, "Rr");
        t["add.sat.s32"] = new(&Lane.Each<AddSaturated, int, int, int>, "Rrr");
        t["sub.sat.s32"] = new(&Lane.Each<SubtractSaturated, int, int, int>, "Rrr");
    }

    static void AddIntegers64(Dictionary<string, Opcode> t)
    {
        t["add.s64"] = t["add.u64"] = new(&Lane.Binary<Add<ulong>, ulong>, "Ddd");
        t["sub.s64"] = t["sub.u64"] = new(&Lane.Binary<Subtract<ulong>, ulong>, "Ddd");
        t["mul.lo.s64"] = t["mul.lo.u64"] = new(&Lane.Binary<Multiply<ulong>, ulong>, "Ddd");
        t["mad.lo.s64"] = t["mad.lo.u64"] = new(&Lane.Ternary<MultiplyThenAdd<ulong>, ulong>, "Dddd");
        t["mul.hi.u64"] = new(&Lane.Each<Upper, ulong, ulong, ulong>, "Ddd");
        t["mul.hi.s64"] = new(&Lane.Each<Upper, long, long, long>, "Ddd");
        t["div.u64"] = new(&Lane.Each<Divide<ulong>, ulong, ulong, ulong>, "Ddd");
        t["div.s64"] = new(&Lane.Each<Divide<long>, long, long, long>, "Ddd");
        t["rem.u64"] = new(&Lane.Each<Remainder<ulong>, ulong, ulong, ulong>, "Ddd");
        t["rem.s64"] = new(&Lane.Each<Remainder<long>, long, long, long>, "Ddd");
        t["min.u64"] = new(&Lane.Binary<Smaller<ulong>, ulong>, "Ddd");
        t["max.u64"] = new(&Lane.Binary<Larger<ulong>, ulong>, "Ddd");
        t["min.s64"] = new(&Lane.Binary<Smaller<long>, long>, "Ddd");
        t["max.s64"] = new(&Lane.Binary<Larger<long>, long>, "Ddd");
        t["abs.s64"] = new(&Lane.Unary<Magnitude<long>, long>, "Dd");
        t["neg.s64"] = new(&Lane.Unary<Opposite<long>, long>, "Dd");
    }

    static void AddIntegers16(Dictionary<string, Opcode> t)
    {
        t["add.s16"] = t["add.u16"] = new(&Lane.Binary<Unsigned16<Add<uint>>, uint>, "Hhh");
        t["sub.s16"] = t["sub.u16"] = new(&Lane.Binary<Unsigned16<Subtract<uint>>, uint>, "Hhh");
        t["mul.lo.s16"] = t["mul.lo.u16"] = new(&Lane.Binary<Unsigned16<Multiply<uint>>, uint>, "Hhh");
        t["mad.lo.s16"] = t["mad.lo.u16"] = new(&Lane.Ternary<Unsigned16<Multiply<uint>>, uint>, "Hhhh");
        t["mul.hi.u16"] = new(&Lane.Binary<UpperOf16, uint>, "Hhh");
        t["mul.hi.s16"] = new(&Lane.Binary<Signed16<UpperOf16>, int>, "Hhh");
        t["mul.wide.u16"] = new(&Lane.Binary<Multiply<uint>, uint>, "Rhh");
        t["mul.wide.s16"] = new(&Lane.Binary<WideSigned16, int>, "Rhh");
        t["div.u16"] = new(&Lane.Each<Of16<Divide<ushort>, ushort>, uint, uint, uint>, "Hhh");
        t["div.s16"] = new(&Lane.Each<Of16<Divide<short>, short>, uint, uint, uint>, "Hhh");
        t["rem.u16"] = new(&Lane.Each<Of16<Remainder<ushort>, ushort>, uint, uint, uint>, "Hhh");
        t["rem.s16"] = new(&Lane.Each<Of16<Remainder<short>, short>, uint, uint, uint>, "Hhh");
        t["min.u16"] = new(&Lane.Binary<Smaller<uint>, uint>, "Hhh");
        t["max.u16"] = new(&Lane.Binary<Larger<uint>, uint>, "Hhh");
        t["min.s16"] = new(&Lane.Binary<Signed16<Smaller<int>>, int>, "Hhh");
        t["max.s16"] = new(&Lane.Binary<Signed16<Larger<int>>, int>, "Hhh");
        t["abs.s16"] = new(&Lane.Unary<SignedUnary16<Magnitude<int>>, int>, "Hh");
        t["neg.s16"] = new(&Lane.Unary<SignedUnary16<Opposite<int>>, int>, "Hh");
    }

    static void AddBits(Dictionary<string, Opcode> t)
    {
        t["shl.b16"] = new(&Lane.Binary<Unsigned16<ShiftLeft>, uint>, "Hhr");
        t["shr.u16"] = t["shr.b16"] = new(&Lane.Binary<ShiftRight, uint>, "Hhr");
        t["shr.s16"] = new(&Lane.Binary<ShiftRightSigned16, int>, "Hhr");
        t["shl.b32"] = new(&Lane.Binary<ShiftLeft, uint>, "Rrr");
        t["shr.u32"] = t["shr.b32"] = new(&Lane.Binary<ShiftRight, uint>, "Rrr");
        t["shr.s32"] = new(&Lane.Binary<ShiftRightSigned, int>, "Rrr");
        t["shl.b64"] = new(&Widths.Shift<ShiftLeft>, "Ddr");
        t["shr.u64"] = t["shr.b64"] = new(&Widths.Shift<ShiftRight>, "Ddr");
        t["shr.s64"] = new(&Widths.Shift<ShiftRightSigned>, "Ddr");
        t["popc.b32"] = new(&Lane.Each<Ones, uint, uint>, "Rr");
        t["popc.b64"] = new(&Lane.Each<Ones, ulong, uint>, "Rd");
        t["clz.b32"] = new(&Lane.Each<LeadingZeros, uint, uint>, "Rr");
        t["clz.b64"] = new(&Lane.Each<LeadingZeros, ulong, uint>, "Rd");
        t["bfind.u32"] = new(&Lane.Each<HighestBit, uint, uint>, "Rr");
        t["bfind.s32"] = new(&Lane.Each<HighestBit, int, uint>, "Rr");
        t["bfind.u64"] = new(&Lane.Each<HighestBit, ulong, uint>, "Rd");
        t["bfind.s64"] = new(&Lane.Each<HighestBit, long, uint>, "Rd");
        t["brev.b32"] = new(&Lane.Each<Reverse, uint, uint>, "Rr");
        t["brev.b64"] = new(&Lane.Each<Reverse, ulong, ulong>, "Dd");
        t["bfe.u32"] = new(&Lane.Each<ExtractField, uint, uint, uint, uint>, "Rrrr");
        t["bfe.s32"] = new(&Lane.Each<ExtractField, int, uint, uint, int>, "Rrrr");
        t["bfe.u64"] = new(&Lane.Each<ExtractField, ulong, uint, uint, ulong>, "Ddrr");
        t["bfe.s64"] = new(&Lane.Each<ExtractField, long, uint, uint, long>, "Ddrr");
        t["bfi.b32"] = new(&Bitwise.Insert<uint>, "Rrrrr");
        t["bfi.b64"] = new(&Bitwise.Insert<ulong>, "Dddrr");
        t["prmt.b32"] = new(&Lane.Each<Permute, uint, uint, uint, uint>, "Rrrr");
        t["shf.l.wrap.b32"] = new(&Lane.Each<FunnelLeft<Wrapped>, uint, uint, uint, uint>, "Rrrr");
        t["shf.l.clamp.b32"] = new(&Lane.Each<FunnelLeft<Clamped>, uint, uint, uint, uint>, "Rrrr");
        t["shf.r.wrap.b32"] = new(&Lane.Each<FunnelRight<Wrapped>, uint, uint, uint, uint>, "Rrrr");
        t["shf.r.clamp.b32"] = new(&Lane.Each<FunnelRight<Clamped>, uint, uint, uint, uint>, "Rrrr");
    }
}
