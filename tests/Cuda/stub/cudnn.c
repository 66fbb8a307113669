// A cuDNN that computes: convolutions of float32 and bf16 by their strides, term by term.
#include "stub.h"

enum { INVALID = 2000, ALGORITHM = 1, BF16 = 9 };
enum { WORKSPACE = 4096 };

typedef struct { int size[4], stride[4], type; } tensor;          // n c h w; of a filter: outputs, inputs of a group, h, w
typedef struct { int padding[2], stride[2], dilation[2], groups, math; } convolution;
typedef struct { int algorithm, status; float milliseconds; size_t workspace; int deterministic, math, reserved[3]; } proposal;

static int handle, streamed;

int cudnnCreate(void** h) { *h = &handle; return 0; }
int cudnnDestroy(void* h) { return 0; }
int cudnnSetStream(void* h, void* stream) { streamed = IS_STREAM(stream); return 0; }
const char* cudnnGetErrorString(int status) { return status == INVALID ? "CUDNN_STATUS_BAD_PARAM" : "CUDNN_STATUS_UNKNOWN"; }
void cudnnGetLastErrorString(char* text, size_t length) { snprintf(text, length, "the stub refuses this"); }

int cudnnCreateTensorDescriptor(tensor** t) { *t = calloc(1, sizeof **t); return 0; }
int cudnnDestroyTensorDescriptor(tensor* t) { free(t); return 0; }
int cudnnSetTensor4dDescriptorEx(tensor* t, int type, int n, int c, int h, int w, int sn, int sc, int sh, int sw) {
    *t = (tensor){ { n, c, h, w }, { sn, sc, sh, sw }, type };
    return (type == 0 || type == BF16) && n > 0 && c > 0 && h > 0 && w > 0 ? 0 : INVALID;
}
int cudnnCreateFilterDescriptor(tensor** t) { return cudnnCreateTensorDescriptor(t); }
int cudnnDestroyFilterDescriptor(tensor* t) { free(t); return 0; }
int cudnnSetFilter4dDescriptor(tensor* t, int type, int layout, int k, int c, int h, int w) {
    *t = (tensor){ { k, c, h, w }, { h * w * c, 1, w * c, c }, type };
    return (type == 0 || type == BF16) && layout == 1 ? 0 : INVALID;
}
int cudnnCreateConvolutionDescriptor(convolution** c) { *c = calloc(1, sizeof **c); (*c)->groups = 1; return 0; }
int cudnnDestroyConvolutionDescriptor(convolution* c) { free(c); return 0; }
int cudnnSetConvolution2dDescriptor(convolution* c, int ph, int pw, int sh, int sw, int dh, int dw, int kind, int compute) {
    *c = (convolution){ { ph, pw }, { sh, sw }, { dh, dw }, 1, 0 };
    return kind == 1 && compute == 0 ? 0 : INVALID;
}
int cudnnSetConvolutionGroupCount(convolution* c, int groups) { c->groups = groups; return 0; }
int cudnnSetConvolutionMathType(convolution* c, int math) { c->math = math; return 0; }

// What was set, told again.
size_t cudnnGetVersion(void) { return 90000; }
int cudnnGetTensor4dDescriptor(tensor* t, int* type, int* n, int* c, int* h, int* w, int* sn, int* sc, int* sh, int* sw) {
    *type = t->type;
    *n = t->size[0]; *c = t->size[1]; *h = t->size[2]; *w = t->size[3];
    *sn = t->stride[0]; *sc = t->stride[1]; *sh = t->stride[2]; *sw = t->stride[3];
    return 0;
}
int cudnnGetFilter4dDescriptor(tensor* t, int* type, int* layout, int* k, int* c, int* h, int* w) {
    *type = t->type; *layout = 1;
    *k = t->size[0]; *c = t->size[1]; *h = t->size[2]; *w = t->size[3];
    return 0;
}
int cudnnGetConvolution2dDescriptor(convolution* c, int* ph, int* pw, int* sh, int* sw, int* dh, int* dw, int* kind, int* compute) {
    *ph = c->padding[0]; *pw = c->padding[1]; *sh = c->stride[0]; *sw = c->stride[1]; *dh = c->dilation[0]; *dw = c->dilation[1];
    *kind = 1; *compute = 0;
    return 0;
}
int cudnnGetConvolutionGroupCount(convolution* c, int* groups) { *groups = c->groups; return 0; }
int cudnnGetConvolutionMathType(convolution* c, int* math) { *math = c->math; return 0; }
int cudnnGetConvolutionForwardWorkspaceSize(void* h, tensor* x, tensor* w, convolution* c, tensor* y, int algorithm, size_t* bytes) { *bytes = algorithm == ALGORITHM ? WORKSPACE : 0; return 0; }

// The math that a type is to be convolved in: FMA; the default where TF32 is allowed; tensor cores for bf16.
static int allowed(const tensor* x, const convolution* c) { return x->type == BF16 ? c->math == 1 : c->math == 3 || c->math == 0; }

// Proposes what must not be taken first: one that fails, one that is not deterministic, of float32 one for tensor cores.
static int propose(const tensor* x, const convolution* c, int most, int* count, proposal* p) {
    if (most < 4 || sizeof *p != 48 || !allowed(x, c)) return INVALID;
    p[0] = (proposal){ 5, 3000, -1, 0, 1, 3 };
    p[1] = (proposal){ 6, 0, 1, 0, 0, 3 };
    p[2] = (proposal){ x->type == BF16 ? ALGORITHM : 7, 0, 2, x->type == BF16 ? WORKSPACE : 0, 1, 1 };
    p[3] = (proposal){ ALGORITHM, 0, 3, WORKSPACE, 1, c->math };
    *count = 4;
    return 0;
}
int cudnnGetConvolutionForwardAlgorithm_v7(void* h, tensor* x, tensor* w, convolution* c, tensor* y, int most, int* count, proposal* p) { return x && w && y ? propose(x, c, most, count, p) : INVALID; }
int cudnnGetConvolutionBackwardDataAlgorithm_v7(void* h, tensor* w, tensor* y, convolution* c, tensor* x, int most, int* count, proposal* p) { return x && w && y ? propose(x, c, most, count, p) : INVALID; }
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void* h, tensor* x, tensor* y, convolution* c, tensor* w, int most, int* count, proposal* p) { return x && w && y ? propose(x, c, most, count, p) : INVALID; }

static long at(const tensor* t, int a, int b, int c, int d) { return (long)a * t->stride[0] + (long)b * t->stride[1] + (long)c * t->stride[2] + (long)d * t->stride[3]; }

// sought: 0 y, 1 x, 2 weight; it is cleared first.
static int run(int sought, const tensor* x, void* px, const tensor* w, void* pw, const convolution* c, const tensor* y, void* py, int algorithm, size_t bytes) {
    int inputs = w->size[1], outputs = w->size[0] / c->groups;
    if (!streamed || !allowed(x, c) || w->type != x->type || y->type != x->type || algorithm != ALGORITHM || bytes < WORKSPACE || x->size[1] != inputs * c->groups || y->size[1] != w->size[0] || x->size[0] != y->size[0]) return INVALID;
    for (int i = 0; i < 2; i++)
        if (y->size[2 + i] != (x->size[2 + i] + 2 * c->padding[i] - c->dilation[i] * (w->size[2 + i] - 1) - 1) / c->stride[i] + 1) return INVALID;
    const tensor* target = sought == 0 ? y : sought == 1 ? x : w;
    void* written = sought == 0 ? py : sought == 1 ? px : pw;
    int brain = x->type == BF16;
    memset(written, 0, (brain ? 2 : 4) * target->size[0] * target->size[1] * target->size[2] * target->size[3]);
    for (int n = 0; n < x->size[0]; n++) for (int k = 0; k < w->size[0]; k++) for (int i = 0; i < inputs; i++)
        for (int oy = 0; oy < y->size[2]; oy++) for (int ox = 0; ox < y->size[3]; ox++) for (int r = 0; r < w->size[2]; r++) for (int s = 0; s < w->size[3]; s++) {
            int iy = oy * c->stride[0] - c->padding[0] + r * c->dilation[0], ix = ox * c->stride[1] - c->padding[1] + s * c->dilation[1];
            if (iy < 0 || iy >= x->size[2] || ix < 0 || ix >= x->size[3]) continue;
            long ax = at(x, n, k / outputs * inputs + i, iy, ix), aw = at(w, k, i, r, s), ay = at(y, n, k, oy, ox);
            float vx = get(px, brain, ax), vw = get(pw, brain, aw), vy = get(py, brain, ay);
            if (sought == 0) put(py, brain, ay, vy + vx * vw);
            else if (sought == 1) put(px, brain, ax, vx + vy * vw);
            else put(pw, brain, aw, vw + vx * vy);
        }
    return 0;
}
int cudnnConvolutionForward(void* h, const float* alpha, tensor* x, void* px, tensor* w, void* pw, convolution* c, int algorithm, void* space, size_t bytes, const float* beta, tensor* y, void* py) {
    return *alpha == 1 && *beta == 0 ? run(0, x, HOST(px), w, HOST(pw), c, y, HOST(py), algorithm, bytes) : INVALID;
}
int cudnnConvolutionBackwardData(void* h, const float* alpha, tensor* w, void* pw, tensor* y, void* py, convolution* c, int algorithm, void* space, size_t bytes, const float* beta, tensor* x, void* px) {
    return *alpha == 1 && *beta == 0 ? run(1, x, HOST(px), w, HOST(pw), c, y, HOST(py), algorithm, bytes) : INVALID;
}
int cudnnConvolutionBackwardFilter(void* h, const float* alpha, tensor* x, void* px, tensor* y, void* py, convolution* c, int algorithm, void* space, size_t bytes, const float* beta, tensor* w, void* pw) {
    return *alpha == 1 && *beta == 0 ? run(2, x, HOST(px), w, HOST(pw), c, y, HOST(py), algorithm, bytes) : INVALID;
}
