#include "DclsKernel.h"

DCLS(Gauss)
