#include "formula.h"

constexpr u32 Threads = 256, Together = 4;

struct Flat { Constants constants; const float* a; const float* b; const float* c; float* y; u32 count; };

// y = f of up to three arrays of the same size, four elements a thread; y may be one of them.
template <int Operands> DEVICE void flat(const Flat& p)
{
    u32 i = (blockX() * Threads + threadX()) * Together;
    if (i >= p.count) return;
    u64 places = (u64)p.a | (u64)p.y | (Operands > 1 ? (u64)p.b : 0) | (Operands > 2 ? (u64)p.c : 0);
    if (places % sizeof(float4) == 0 && p.count - i >= Together)
    {
        float4 a = together(p.a + i), b = Operands > 1 ? together(p.b + i) : a, c = Operands > 2 ? together(p.c + i) : a, y;
        UNROLL for (int k = 0; k < 4; k++) y[k] = Operands == 1 ? formula(a[k]) : Operands == 2 ? formula(a[k], b[k]) : formula(a[k], b[k], c[k]);
        *(float4*)(p.y + i) = y;
        return;
    }
    u32 end = p.count - i < Together ? p.count : i + Together;
    LOOP for (; i < end; i++)
    {
        float a = p.a[i];
        p.y[i] = Operands == 1 ? formula(a) : Operands == 2 ? formula(a, p.b[i]) : formula(a, p.b[i], p.c[i]);
    }
}

KERNEL(Threads) flat1(const Flat p) { flat<1>(p); }
KERNEL(Threads) flat2(const Flat p) { flat<2>(p); }
KERNEL(Threads) flat3(const Flat p) { flat<3>(p); }
