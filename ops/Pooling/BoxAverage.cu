#include "device.h"

struct Axis { int in, out, kernel, stride, padding, adaptive; };
template <typename T> struct Boxes { T* x; T* y; int batch, channels; Axis d, h, w; int divisor; };
struct Span { int begin, end; };

// The inputs that an output averages.
DEVICE Span inputs(const Axis& a, int o)
{
    if (a.adaptive) return { (int)((u64)o * a.in / a.out), (int)(((u64)(o + 1) * a.in + a.out - 1) / a.out) };
    int first = o * a.stride - a.padding;
    return { larger(0, first), smaller(a.in, first + a.kernel) };
}

// The outputs whose box holds an input.
DEVICE Span outputs(const Axis& a, int i)
{
    if (a.adaptive) return { (int)((u64)i * a.out / a.in), (int)(((u64)(i + 1) * a.out + a.in - 1) / a.in) };
    int before = i + a.padding - a.kernel;
    return { before < 0 ? 0 : before / a.stride + 1, smaller(a.out, (i + a.padding) / a.stride + 1) };
}

DEVICE int size(Span s) { return s.end - s.begin; }

// An element of y by a thread.
template <typename T> DEVICE void forward(const Boxes<T>& a)
{
    u32 c = a.channels, o = (u32)blockX() * 256 + threadX(), pixel = o / c, channel = o % c;
    u32 x = pixel % a.w.out, y = pixel / a.w.out % a.h.out, z = pixel / a.w.out / a.h.out % a.d.out, n = pixel / a.w.out / a.h.out / a.d.out;
    if (n >= (u32)a.batch) return;
    Span d = inputs(a.d, z), h = inputs(a.h, y), w = inputs(a.w, x);
    float share = divide(1, a.divisor > 0 ? a.divisor : size(d) * size(h) * size(w)), sum = 0;
    for (int i = d.begin; i < d.end; i++)
        for (int j = h.begin; j < h.end; j++)
        {
            const T* row = a.x + ((n * a.d.in + i) * a.h.in + j) * a.w.in * c + channel;
            for (int k = w.begin; k < w.end; k++) sum = multiplyAdd(row[k * c], share, sum);
        }
    a.y[o] = sum;
}

KERNELS(256, boxAverageForward, Boxes, forward)

// An element of dx by a thread, from the boxes that hold it.
template <typename T> DEVICE void backward(const Boxes<T>& a)
{
    u32 c = a.channels, p = (u32)blockX() * 256 + threadX(), pixel = p / c, channel = p % c;
    u32 x = pixel % a.w.in, y = pixel / a.w.in % a.h.in, z = pixel / a.w.in / a.h.in % a.d.in, n = pixel / a.w.in / a.h.in / a.d.in;
    if (n >= (u32)a.batch) return;
    Span d = outputs(a.d, z), h = outputs(a.h, y), w = outputs(a.w, x);
    float sum = 0;
    for (int i = d.begin; i < d.end; i++)
        for (int j = h.begin; j < h.end; j++)
        {
            const T* row = a.y + ((n * a.d.out + i) * a.h.out + j) * a.w.out * c + channel;
            int area = a.divisor > 0 ? 0 : size(inputs(a.d, i)) * size(inputs(a.h, j));
            for (int k = w.begin; k < w.end; k++) sum = multiplyAdd(row[k * c], divide(1, a.divisor > 0 ? a.divisor : area * size(inputs(a.w, k))), sum);
        }
    a.x[p] = sum;
}

KERNELS(256, boxAverageBackward, Boxes, backward)
