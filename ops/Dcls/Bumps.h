// The formulas of Bumps.cs on a GPU, word for word: f, and its slopes by position and width, at cell n of a tap at p. Where a piece begins is decided by comparing p with
// whole and half numbers, exactly. Gauss takes the reciprocal of the width once.
#pragma once
#include "device.h"

// A tap along an axis: where it is, |SIG| and sign(SIG), the width at SIG = 0.
struct Along { float p, sig, sign, narrowest, inverseWidth; };

struct Triangle
{
    static constexpr bool Normalised = true, HasSigma = false;
    DEVICE float value(float n, const Along& t) { return __builtin_fmaxf(__builtin_fminf(t.p - (n - t.narrowest), n + t.narrowest - t.p) + t.sig, 0); }
    DEVICE float positionSlope(float f, float n, const Along& t) { return f > 0 ? n > t.p ? 1 : t.p > n ? -1 : 0 : 0; }
    DEVICE float sigmaSlope(float f, float, const Along&) { return f > 0 ? 1 : 0; }
};

struct TriangleWide : Triangle
{
    static constexpr bool HasSigma = true;
};

struct Bilinear : Triangle
{
    static constexpr bool Normalised = false;
    DEVICE float positionSlope(float, float n, const Along& t) { return n > t.p ? n - t.narrowest > t.p ? 0 : 1 : n + t.narrowest > t.p ? -1 : 0; }
};

struct Gauss
{
    static constexpr bool Normalised = true, HasSigma = true;
    DEVICE float value(float n, const Along& t)
    {
        float z = (n - t.p) * t.inverseWidth;
        return exponential(-0.5f * z * z);
    }
    DEVICE float positionSlope(float f, float n, const Along& t) { return f * (n - t.p) * t.inverseWidth * t.inverseWidth; }
    DEVICE float sigmaSlope(float f, float n, const Along& t)
    {
        float z = (n - t.p) * t.inverseWidth;
        return f * z * z * t.inverseWidth;
    }
};
