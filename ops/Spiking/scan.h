// What a neuron and a synapse have in common: a thread takes one of them through all steps.
#pragma once

#include "formula.h"

constexpr int Threads = 128, Ahead = 4;     // steps whose operands are read before they are needed

// The second formula of each frame: 1 / tau of w.
DEVICE float rate(float w)
{
    float k;
    asm("formula1 %0, %1;" : "=&f"(k) : "f"(w));
    return k;
}

// A value of step t, 0 where there is no such step or no array.
DEVICE float at(const float* x, int t, int steps, int width, int i) { return x && t >= 0 && t < steps ? x[(u64)t * width + i] : 0; }
