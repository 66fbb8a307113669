#include "DclsKernel.h"

DCLS(TriangleWide)
