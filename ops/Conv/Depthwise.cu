#include "device.h"

constexpr int Threads = 256;

struct Axis { int in, out, kernel, stride, padding, dilation; };

template <typename T, typename R> struct General { const T* x; const T* weight; const T* y; const T* bias; R* result; int batch, channels, multiplier; Axis d, h, w; int slices, slicePixels; };
template <typename T> using Result = General<T, T>;
template <typename T> using Part = General<T, float>;

struct Pixel { int n, z, y, x; };

DEVICE Pixel pixel(int i, int d, int h, int w)
{
    int line = i / w, plane = line / h, image = plane / d;
    return { image, plane - image * d, line - plane * h, i - line * w };
}

DEVICE u32 thread() { return (u32)blockX() * Threads + threadX(); }

// The input that a tap of an output sees; it may lie outside.
DEVICE int seen(const Axis& a, int output, int tap) { return output * a.stride - a.padding + tap * a.dilation; }

// The output whose tap sees an input; negative where there is none.
DEVICE int seeing(const Axis& a, int input, int tap)
{
    int from = input + a.padding - tap * a.dilation, output = from / a.stride;
    return from >= 0 && output < a.out && output * a.stride == from ? output : -1;
}

// y: a thread for each element.
template <typename T> DEVICE void forward(const Result<T>& a)
{
    u32 i = thread(), outputs = a.channels * a.multiplier;
    if (i >= (u32)a.batch * a.d.out * a.h.out * a.w.out * outputs) return;
    int o = i / outputs, c = i - o * outputs, channel = c / a.multiplier;
    Pixel at = pixel(o, a.d.out, a.h.out, a.w.out);
    float sum = elementOr(a.bias, c, 0);
    for (int k = 0, tap = 0; k < a.d.kernel; k++)
        for (int j = 0; j < a.h.kernel; j++)
            for (int l = 0; l < a.w.kernel; l++, tap++)
            {
                int z = seen(a.d, at.z, k), y = seen(a.h, at.y, j), x = seen(a.w, at.x, l);
                if ((u32)z >= (u32)a.d.in || (u32)y >= (u32)a.h.in || (u32)x >= (u32)a.w.in) continue;
                sum = multiplyAdd(a.x[(((at.n * a.d.in + z) * a.h.in + y) * a.w.in + x) * a.channels + channel], a.weight[tap * (int)outputs + c], sum);
            }
    a.result[i] = sum;
}

KERNELS(Threads, depthwiseForward, Result, forward)

// x, or its gradient: a thread for each element.
template <typename T> DEVICE void inputGradient(const Result<T>& a)
{
    u32 i = thread(), channels = a.channels;
    if (i >= (u32)a.batch * a.d.in * a.h.in * a.w.in * channels) return;
    int p = i / channels, channel = i - p * channels, outputs = a.channels * a.multiplier;
    Pixel at = pixel(p, a.d.in, a.h.in, a.w.in);
    float sum = elementOr(a.bias, channel, 0);
    for (int k = 0, tap = 0; k < a.d.kernel; k++)
        for (int j = 0; j < a.h.kernel; j++)
            for (int l = 0; l < a.w.kernel; l++, tap++)
            {
                int z = seeing(a.d, at.z, k), y = seeing(a.h, at.y, j), x = seeing(a.w, at.x, l);
                if (z < 0 || y < 0 || x < 0) continue;
                const T* dy = a.y + (((at.n * a.d.out + z) * a.h.out + y) * a.w.out + x) * outputs + channel * a.multiplier;
                const T* weight = a.weight + tap * outputs + channel * a.multiplier;
                for (int m = 0; m < a.multiplier; m++) sum = multiplyAdd(dy[m], weight[m], sum);
            }
    a.result[i] = sum;
}

KERNELS(Threads, depthwiseInput, Result, inputGradient)

// The gradient of the weight, summed over the pixels of a slice: result [slice, tap, output]. A thread for each element.
template <typename T> DEVICE void weightGradient(const Part<T>& a)
{
    u32 outputs = a.channels * a.multiplier, width = (u32)a.d.kernel * a.h.kernel * a.w.kernel * outputs, blocks = (width + Threads - 1) / Threads;
    u32 slice = blockX() / blocks, i = (blockX() - slice * blocks) * Threads + threadX();
    if (i >= width) return;
    int tap = i / outputs, c = i - tap * outputs, channel = c / a.multiplier;
    Pixel k = pixel(tap, a.d.kernel, a.h.kernel, a.w.kernel);
    int begin = slice * a.slicePixels, end = smaller(begin + a.slicePixels, a.batch * a.d.out * a.h.out * a.w.out);
    Pixel at = pixel(begin, a.d.out, a.h.out, a.w.out);
    float sum = 0;
    for (int o = begin; o < end; o++)
    {
        int z = seen(a.d, at.z, k.z), y = seen(a.h, at.y, k.y), x = seen(a.w, at.x, k.x);
        if ((u32)z < (u32)a.d.in && (u32)y < (u32)a.h.in && (u32)x < (u32)a.w.in)
            sum = multiplyAdd(a.x[(((at.n * a.d.in + z) * a.h.in + y) * a.w.in + x) * a.channels + channel], a.y[o * (int)outputs + c], sum);
        if (++at.x < a.w.out) continue;
        at.x = 0;
        if (++at.y < a.h.out) continue;
        at.y = 0;
        if (++at.z < a.d.out) continue;
        at.z = 0;
        at.n++;
    }
    a.result[(u64)slice * width + i] = sum;
}

KERNELS(Threads, depthwiseWeight, Part, weightGradient)

template <typename T> struct Sum { const float* parts; T* weight; int count, partCount, begin, width; };

// Elements begin to begin + width of the weight are the sums of the parts [partCount, width], in order; the others are 0.
template <typename T> DEVICE void sumParts(const Sum<T>& a)
{
    u32 i = thread(), at = i - a.begin;
    if (i >= (u32)a.count) return;
    float sum = 0;
    if (at < (u32)a.width)
        for (int part = 0; part < a.partCount; part++) sum += a.parts[(u64)part * a.width + at];
    a.weight[i] = sum;
}

KERNELS(Threads, depthwiseSum, Sum, sumParts)
