#include "DclsKernel.h"

DCLS(Bilinear)
