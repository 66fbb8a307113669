#include "formula.h"

constexpr u32 Threads = 256, Together = 4;

template <typename T> struct Flat { Constants constants; const T* a; const T* b; const T* c; T* y; u32 count; };

// y = f of up to three arrays of the same size, four elements a thread; y may be one of them.
template <int Operands, typename T> DEVICE void flat(const Flat<T>& p)
{
    u32 i = (blockX() * Threads + threadX()) * Together;
    if (i >= p.count) return;
    u64 places = (u64)p.a | (u64)p.y | (Operands > 1 ? (u64)p.b : 0) | (Operands > 2 ? (u64)p.c : 0);
    if (places % (Together * sizeof(T)) == 0 && p.count - i >= Together)
    {
        float4 a = together(p.a + i), b = Operands > 1 ? together(p.b + i) : a, c = Operands > 2 ? together(p.c + i) : a, y;
        UNROLL for (int k = 0; k < 4; k++) y[k] = Operands == 1 ? formula(a[k]) : Operands == 2 ? formula(a[k], b[k]) : formula(a[k], b[k], c[k]);
        putFour(p.y + i, y);
        return;
    }
    u32 end = p.count - i < Together ? p.count : i + Together;
    LOOP for (; i < end; i++)
    {
        float a = p.a[i];
        p.y[i] = Operands == 1 ? formula(a) : Operands == 2 ? formula(a, p.b[i]) : formula(a, p.b[i], p.c[i]);
    }
}

KERNELS(Threads, flat1, Flat, flat<1>)
KERNELS(Threads, flat2, Flat, flat<2>)
KERNELS(Threads, flat3, Flat, flat<3>)
