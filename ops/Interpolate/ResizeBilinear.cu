#include "device.h"

struct Line { int in, out, alignCorners; };
template <typename T> struct Grid { T* x; T* y; int batch, channels; Line h, w; };
struct Blend { int first, second; float weight; };      // of the second

// The two inputs that an output blends. Where it lies between them is a fraction of integers, so that a long line costs no digits.
DEVICE Blend at(const Line& a, int o)
{
    long long n = a.alignCorners ? (long long)o * (a.in - 1) : (2ll * o + 1) * a.in - a.out, d = a.alignCorners ? a.out - 1 : 2ll * a.out;
    if (n <= 0 || d == 0) return { 0, smaller(1, a.in - 1), 0 };
    int first = smaller((u64)n / (u64)d, a.in - 1);
    return { first, smaller(first + 1, a.in - 1), divide((float)((u64)n - (u64)first * (u64)d), (float)d) };
}

DEVICE float weightOf(const Blend& b, int i) { return (b.first == i ? 1 - b.weight : 0) + (b.second == i ? b.weight : 0); }

// Outputs [begin, end) which are all that blend an input, and few others; they lie between its neighbours.
DEVICE int begin(const Line& a, int i) { return i == 0 ? 0 : larger(0, (int)((u64)(i - 1) * a.out / a.in) - 1); }
DEVICE int end(const Line& a, int i) { return i >= a.in - 1 ? a.out : smaller(a.out, (int)((u64)(i + 2) * a.out / a.in) + 2); }

// An element of y by a thread.
template <typename T> DEVICE void forward(const Grid<T>& a)
{
    u32 c = a.channels, o = (u32)blockX() * 256 + threadX(), pixel = o / c, channel = o % c;
    u32 x = pixel % a.w.out, y = pixel / a.w.out % a.h.out, n = pixel / a.w.out / a.h.out;
    if (n >= (u32)a.batch) return;
    Blend h = at(a.h, y), w = at(a.w, x);
    const T* top = a.x + (n * a.h.in + h.first) * a.w.in * c + channel, *bottom = a.x + (n * a.h.in + h.second) * a.w.in * c + channel;
    float sum = top[w.first * c] * ((1 - h.weight) * (1 - w.weight));
    sum = multiplyAdd(top[w.second * c], (1 - h.weight) * w.weight, sum);
    sum = multiplyAdd(bottom[w.first * c], h.weight * (1 - w.weight), sum);
    a.y[o] = multiplyAdd(bottom[w.second * c], h.weight * w.weight, sum);
}

KERNELS(256, resizeBilinearForward, Grid, forward)

// An element of dx by a thread, from the outputs that blend it.
template <typename T> DEVICE void backward(const Grid<T>& a)
{
    u32 c = a.channels, p = (u32)blockX() * 256 + threadX(), pixel = p / c, channel = p % c;
    int x = pixel % a.w.in, y = pixel / a.w.in % a.h.in, n = pixel / a.w.in / a.h.in, lastX = end(a.w, x), lastY = end(a.h, y);
    if (n >= a.batch) return;
    float sum = 0;
    for (int i = begin(a.h, y); i < lastY; i++)
    {
        float down = weightOf(at(a.h, i), y), line = 0;
        if (down == 0) continue;
        const T* dy = a.y + (u32)(n * a.h.out + i) * a.w.out * c + channel;
        for (int j = begin(a.w, x); j < lastX; j++) line = multiplyAdd(dy[j * c], weightOf(at(a.w, j), x), line);
        sum = multiplyAdd(line, down, sum);
    }
    a.x[p] = sum;
}

KERNELS(256, resizeBilinearBackward, Grid, backward)
