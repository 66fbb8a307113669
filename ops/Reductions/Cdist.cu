#include "device.h"

template <typename T> struct Pairs { const T* a; const T* b; T* y; int points, n, m, d; };

// y [points, m] of a pair of points by a thread.
template <typename T> DEVICE void pairs(const Pairs<T>& a)
{
    u64 i = (u64)blockX() * 256 + threadX();
    if (i >= (u64)a.points * a.m) return;
    u32 point = (u32)i / a.m, j = (u32)i % a.m;
    const T* from = a.a + (u64)point * a.d, *to = a.b + ((u64)(point / a.n) * a.m + j) * a.d;
    float sum = 0;
    for (int k = 0; k < a.d; k++)
    {
        float d = from[k] - to[k];
        sum = multiplyAdd(d, d, sum);
    }
    a.y[i] = squareRoot(sum);
}

KERNELS(256, cdistForward, Pairs, pairs)

template <typename T> struct Slopes { const T* a; const T* b; const T* dy; const T* y; T* da; int points, n, m, d, transposed; };

// A coordinate of da by a thread; a distance of 0 has no slope.
template <typename T> DEVICE void slopes(const Slopes<T>& a)
{
    u64 i = (u64)blockX() * 256 + threadX();
    if (i >= (u64)a.points * a.d) return;
    u32 point = (u32)i / a.d, k = (u32)i % a.d, batch = point / a.n, own = point % a.n, step = a.transposed ? a.n : 1;
    u64 first = (u64)batch * a.n * a.m + (a.transposed ? own : own * a.m);
    const T* b = a.b + (u64)batch * a.m * a.d + k, *dy = a.dy + first, *y = a.y + first;
    float at = a.a[i], sum = 0;
    for (u32 j = 0; j < (u32)a.m; j++)
    {
        float distance = y[j * step];
        if (distance != 0) sum = multiplyAdd(divide(dy[j * step], distance), at - b[j * a.d], sum);
    }
    a.da[i] = sum;
}

KERNELS(256, cdistBackward, Slopes, slopes)
