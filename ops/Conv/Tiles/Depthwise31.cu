#include "DepthwiseTile.h"

DEPTHWISE(31)
