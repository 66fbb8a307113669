#include "DepthwiseTile.h"

DEPTHWISE(23)
