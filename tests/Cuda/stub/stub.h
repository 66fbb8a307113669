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
