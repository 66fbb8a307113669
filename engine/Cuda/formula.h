// Places that C# fills with a formula before a module is loaded: see FormulaModule. Outputs may not share registers with inputs, since the last input may be read after the first output is written.
#pragma once

#include "device.h"

// The first member of the parameter of every kernel with such a place.
struct Constants { u32 bits[48]; };

// Four elements at once from global memory; the compiler would take a load apart whose parts go to different places.
DEVICE float4 together(const float* x)
{
    float a, b, c, d;
    asm("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(a), "=f"(b), "=f"(c), "=f"(d) : "l"(x));
    return float4{ a, b, c, d };
}
DEVICE float4 together(const bf16* x) { return four(x); }

DEVICE float formula(float a)
{
    float y;
    asm("formula0 %0, %1;" : "=&f"(y) : "f"(a));
    return y;
}

DEVICE float formula(float a, float b)
{
    float y;
    asm("formula0 %0, %1, %2;" : "=&f"(y) : "f"(a), "f"(b));
    return y;
}

DEVICE float formula(float a, float b, float c)
{
    float y;
    asm("formula0 %0, %1, %2, %3;" : "=&f"(y) : "f"(a), "f"(b), "f"(c));
    return y;
}

// The second formula of a frame that has two.
DEVICE float merge(float a, float b)
{
    float y;
    asm("formula1 %0, %1, %2;" : "=&f"(y) : "f"(a), "f"(b));
    return y;
}
