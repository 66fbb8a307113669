// The formulas of Bumps.cs on a GPU, word for word: f, and its slopes by position and width, at cell n of a tap at p. Where a piece begins is decided by comparing p with
// whole and half numbers, exactly. Gauss takes the reciprocal of the width once.
#pragma once
#include "device.h"

// e^x for x <= 0. The power of two is split off exactly: a product with log2 e that is rounded once is wrong by the size of x.
DEVICE float decay(float x)
{
    constexpr float Log2E = 1.4426950408889634, Rest = 1.9259629911e-8;         // their sum is log2 e
    x = __builtin_fmaxf(x, -104);                                               // 0 from here on
    float n = __builtin_rintf(x * Log2E), fraction = multiplyAdd(x, Rest, multiplyAdd(x, Log2E, -n));
    return __nvvm_ex2_approx_f(n) * __nvvm_ex2_approx_f(fraction);
}

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
        return decay(-0.5f * z * z);
    }
    DEVICE float positionSlope(float f, float n, const Along& t) { return f * (n - t.p) * t.inverseWidth * t.inverseWidth; }
    DEVICE float sigmaSlope(float f, float n, const Along& t)
    {
        float z = (n - t.p) * t.inverseWidth;
        return f * z * z * t.inverseWidth;
    }
};
