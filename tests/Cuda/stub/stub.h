// What the stubs of NVIDIA's libraries share. Device memory is host memory at another address, so that a device address is no host pointer to anybody else.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAY 0x200000000000ull
#define HOST(address) ((void*)((uint64_t)(address) - AWAY))

#define STREAMS 0x5000          // handles of streams: 0x5001, 0x5002, ...
#define IS_STREAM(s) ((uintptr_t)(s) > STREAMS && (uintptr_t)(s) < STREAMS + 64)

// An element as float: bf16 is the upper half of one. Results of the tests are exact, so that cutting rounds them.
static inline float get(const void* p, int brain, long i) {
    unsigned bits = brain ? (unsigned)((const unsigned short*)p)[i] << 16 : ((const unsigned*)p)[i];
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
static inline void put(void* p, int brain, long i, float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    if (brain) ((unsigned short*)p)[i] = bits >> 16;
    else ((unsigned*)p)[i] = bits;
}
