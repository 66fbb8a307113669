#include "device.h"

constexpr u32 Threads = 256, Axes = 8;

template <typename T> struct Gather { T* x; const u32* index; T* y; u32 steps[Axes], sizes[Axes]; int rank, dim; u32 size, count, elements; };

// y = the elements of x that the indices name; an index that is none of the dimension's size is a fault.
template <typename T> DEVICE void elements(const Gather<T>& p)
{
    u32 i = blockX() * Threads + threadX(), rest = i, at = 0;
    if (i >= p.count) return;
    LOOP for (int d = p.rank - 1; d >= 0; d--)
    {
        u32 outer = rest / p.sizes[d];
        u32 place = d == p.dim ? p.index[i] : rest - outer * p.sizes[d];
        if (d == p.dim && place >= p.size) __builtin_trap();
        at += place * p.steps[d];
        rest = outer;
    }
    p.y[i] = p.x[at];
}

KERNELS(Threads, gather, Gather, elements)

template <typename T> struct Scatter { T* x; const u32* index; const T* y; u32 steps[Axes], sizes[Axes]; int rank, dim; u32 size, count, elements; };

// x += the elements of y whose indices name it, in order: a thread for each element of x goes over the indices that could.
template <typename T> DEVICE void sums(const Scatter<T>& p)
{
    u32 i = blockX() * Threads + threadX(), rest = i, at = 0, step = 0, wanted = 0;
    if (i >= p.elements) return;
    bool inside = true;
    LOOP for (int d = 0; d < p.rank; d++)
    {
        u32 place = rest / p.steps[d];
        rest -= place * p.steps[d];
        at *= p.sizes[d];
        step = d == p.dim ? 1 : step * p.sizes[d];
        if (d == p.dim) wanted = place;
        else
        {
            at += place;
            inside = inside && place < p.sizes[d];
        }
    }
    if (!inside) return;
    float sum = 0;
    LOOP for (u32 j = 0; j < p.sizes[p.dim]; j++, at += step) if (p.index[at] == wanted) sum += p.y[at];
    p.x[i] = p.x[i] + sum;
}

KERNELS(Threads, scatter, Scatter, sums)
