// One step of a neuron: H, S and V, from V before, the input and 1 / tau.
#pragma once

#include "formula.h"

DEVICE void advance(float before, float x, float k, float& h, float& spike, float& membrane)
{
    asm("formula0 %0, %1, %2, %3, %4, %5;" : "=&f"(h), "=&f"(spike), "=&f"(membrane) : "f"(before), "f"(x), "f"(k));
}
