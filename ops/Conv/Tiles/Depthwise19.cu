#include "DepthwiseTile.h"

DEPTHWISE(19)
