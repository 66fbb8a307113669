#include "neuron.h"

constexpr int Threads = 128;

struct Forward { Constants constants; const float* x; const float* recurrent; float* spikes; float* membrane; float* h; int steps, batch, width; float rate, start; };

// to[j] += sum of from[i] * weight[i, j]. Most spikes are 0.
DEVICE float through(float sum, const float* from, const float* weight, int width, int j)
{
    LOOP for (int i = 0; i < width; i++)
    {
        float value = from[i];
        if (value != 0) sum = multiplyAdd(value, weight[(u64)i * width + j], sum);
    }
    return sum;
}

// A sequence a block, through all steps: what a step needs of the step before is what the block has written.
KERNEL(Threads) recurrentForward(const Forward p)
{
    u64 step = (u64)p.batch * p.width, row = (u64)blockX() * p.width;
    LOOP for (int t = 0; t < p.steps; t++, row += step)
    {
        LOOP for (int j = threadX(); j < p.width; j += Threads)
        {
            float current = p.x[row + j], before = p.start, h, spike, membrane;
            if (t > 0)
            {
                current = through(current, p.spikes + row - step, p.recurrent, p.width, j);
                before = p.membrane[row - step + j];
            }
            advance(before, current, p.rate, h, spike, membrane);
            p.spikes[row + j] = spike;
            p.membrane[row + j] = membrane;
            if (p.h) p.h[row + j] = h;
        }
        barrier();
    }
}

struct Backward { Constants constants; const float* h; const float* transposed; const float* dSpikes; const float* dMembrane; float* dx; float* carried; int steps, batch, width; float rate; };

DEVICE void differentiate(float h, float dSpike, float dMembrane, float k, float& dx, float& carry)
{
    asm("formula0 %0, %1, %2, %3, %4, %5;" : "=&f"(dx), "=&f"(carry) : "f"(h), "f"(dSpike), "f"(dMembrane), "f"(k));
}

// The same from the last step to the first. carried: dV of the step before, [batch, width], each element its thread's own.
KERNEL(Threads) recurrentBackward(const Backward p)
{
    u64 step = (u64)p.batch * p.width, own = (u64)blockX() * p.width;
    LOOP for (int t = p.steps - 1; t >= 0; t--)
    {
        u64 row = own + t * step;
        LOOP for (int j = threadX(); j < p.width; j += Threads)
        {
            float dSpike = p.dSpikes ? p.dSpikes[row + j] : 0, dMembrane = p.dMembrane ? p.dMembrane[row + j] : 0, dx, carry;
            if (t + 1 < p.steps)
            {
                dSpike = through(dSpike, p.dx + row + step, p.transposed, p.width, j);
                dMembrane += p.carried[own + j];
            }
            differentiate(p.h[row + j], dSpike, dMembrane, p.rate, dx, carry);
            p.dx[row + j] = dx;
            p.carried[own + j] = carry;
        }
        barrier();
    }
}
