#include "../Conv/windows.h"

template <typename T> struct Pool { const T* x; T* y; float* winners; Windows windows; };

// The largest under a window and, where wanted, the number of its tap, by a thread for each channel. The first maximum wins, or the last NaN.
template <typename T> DEVICE void pool(const Pool<T>& a)
{
    Axis d = a.windows.d, h = a.windows.h, w = a.windows.w;
    u32 c = a.windows.channels, o = (u32)blockX() * 256 + threadX(), pixel = o / c, channel = o % c;
    u32 x = pixel % w.out, y = pixel / w.out % h.out, z = pixel / w.out / h.out % d.out, n = pixel / w.out / h.out / d.out;
    if (n >= (u32)a.windows.batch) return;
    float most = -__builtin_inff();
    int winner = -1, tap = 0;
    for (int i = 0; i < d.kernel; i++)
        for (int j = 0; j < h.kernel; j++)
            for (int k = 0; k < w.kernel; k++, tap++)
            {
                int iz = (int)z * d.stride - d.padding + i * d.dilation, iy = (int)y * h.stride - h.padding + j * h.dilation, ix = (int)x * w.stride - w.padding + k * w.dilation;
                if (!isInside(iz, d.in) || !isInside(iy, h.in) || !isInside(ix, w.in)) continue;
                float v = a.x[(((n * d.in + iz) * h.in + iy) * w.in + ix) * c + channel];
                if (v > most || v != v || winner < 0) most = v, winner = tap;
            }
    a.y[o] = most;
    if (a.winners) a.winners[o] = winner;
}

KERNELS(256, maxPoolForward, Pool, pool)

template <typename T> struct Slope { T* dx; const T* dy; const float* winners; Windows windows; };

// dx of an element by a thread: dy of the windows that it won.
template <typename T> DEVICE void slope(const Slope<T>& a)
{
    Axis d = a.windows.d, h = a.windows.h, w = a.windows.w;
    u32 c = a.windows.channels, i = (u32)blockX() * 256 + threadX(), pixel = i / c, channel = i % c;
    u32 x = pixel % w.in, y = pixel / w.in % h.in, z = pixel / w.in / h.in % d.in, n = pixel / w.in / h.in / d.in;
    if (n >= (u32)a.windows.batch) return;
    float sum = 0;
    for (int tap = d.kernel * h.kernel * w.kernel - 1; tap >= 0; tap--)
    {
        int fz = (int)z + d.padding - tap / w.kernel / h.kernel * d.dilation, fy = (int)y + h.padding - tap / w.kernel % h.kernel * h.dilation, fx = (int)x + w.padding - tap % w.kernel * w.dilation;
        if ((fz | fy | fx) < 0 || fz % d.stride != 0 || fy % h.stride != 0 || fx % w.stride != 0) continue;
        int oz = fz / d.stride, oy = fy / h.stride, ox = fx / w.stride;
        if (oz >= d.out || oy >= h.out || ox >= w.out) continue;
        u32 o = (((n * d.out + oz) * h.out + oy) * w.out + ox) * c + channel;
        if (a.winners[o] == tap) sum += a.dy[o];
    }
    a.dx[i] = sum;
}

KERNELS(256, maxPoolBackward, Slope, slope)
