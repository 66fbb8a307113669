#include "device.h"

constexpr int Threads = 128;

struct Sequences
{
    const float* x; const float* weight; const float* position; const float* bias; float* y;
    int time, batch, inputs, outputs, count, size, after;
    float normalisation;
};

// A thread is an output of a sequence: nobody else adds to its steps. All threads of a block meet the same x, so that one of 0 costs none of them more than looking at it.
KERNEL(Threads) roundedDelays(const Sequences p)
{
    int o = blockX() * Threads + threadX(), b = blockY();
    if (o >= p.outputs) return;
    u64 step = (u64)p.batch * p.outputs;
    float* y = p.y + (u64)b * p.outputs + o;
    float start = p.bias ? p.bias[o] : 0;
    LOOP for (int t = 0; t < p.time + p.after; t++) y[t * step] = start;
    LOOP for (int t = 0; t < p.time; t++)
    {
        const float* x = p.x + ((u64)t * p.batch + b) * p.inputs;
        LOOP for (int i = 0; i < p.inputs; i++)
        {
            float value = x[i];
            if (value == 0) continue;
            LOOP for (int k = 0; k < p.count; k++)
            {
                u64 tap = ((u64)k * p.inputs + i) * p.outputs + o;
                int cell = p.size / 2 + (int)__builtin_rintf(p.position[tap]);
                int at = t + p.size - 1 - (cell < 0 ? 0 : cell < p.size ? cell : p.size - 1);
                if (at < p.time + p.after) y[at * step] += value * p.weight[tap] * p.normalisation;
            }
        }
    }
}
