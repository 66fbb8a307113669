#include "DepthwiseTile.h"

DEPTHWISE(27)
