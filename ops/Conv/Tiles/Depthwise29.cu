#include "DepthwiseTile.h"

DEPTHWISE(29)
