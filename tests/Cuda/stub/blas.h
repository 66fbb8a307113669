// What the stubs of cuBLAS and cuBLASLt share.
#include "stub.h"

enum { R32 = 0, BF16 = 14, COMPUTE32 = 68, COMPUTE_TF32 = 77 };

// TF32 keeps 10 bits of a factor's fraction.
static inline float factor(const void* p, int type, long i, int compute) {
    float x = get(p, type == BF16, i);
    unsigned bits;
    memcpy(&bits, &x, 4);
    if (compute == COMPUTE_TF32) bits &= 0xFFFFE000;
    memcpy(&x, &bits, 4);
    return x;
}
