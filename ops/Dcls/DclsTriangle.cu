#include "DclsKernel.h"

DCLS(Triangle)
