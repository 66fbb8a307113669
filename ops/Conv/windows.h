// Sliding windows as Windows.cs has them: twins of Axis and Windows.
#pragma once
#include "device.h"

struct Axis { int in, out, kernel, stride, padding, dilation; };
struct Windows { int batch, channels; Axis d, h, w; };

DEVICE bool isInside(int i, int size) { return (u32)i < (u32)size; }
