// A cuBLASLt that computes column-major products and their epilogues, element by element; those that would take long it only checks. It has no kernel for a k of 13, and none at all where
// STUB_NO_KERNELS is set.
#include <math.h>
#include "blas.h"

enum { OPERATION = 0x0B, MATRIX, PREFERENCE };
enum { INVALID = 7, UNSUPPORTED = 15, MISSING = 13, EXTRA = 1 << 20 };
enum { COMPUTE = 0, SCALE = 1, TRANS_A = 3, TRANS_B = 4, EPILOGUE = 7, BIAS = 8, AUX = 11, AUX_LD = 12 };      // of an operation
enum { TYPE = 0, ROWS = 2, COLUMNS = 3, LD = 4, BATCH = 5, STRIDE = 6 };                                     // of a matrix
enum { WORKSPACE = 1, SCHEMES = 3, ALIGN_A = 5, ALIGN_D = 8 };                                               // of a preference
enum { RELU_BIT = 2, BIAS_BIT = 4, GELU_BIT = 32, AUX_BIT = 128, BGRADA = 256 };

// Attributes by their numbers; bytes is 0 for one that there is not.
typedef struct { int kind; long long value[16]; char bytes[16]; } descriptor;
typedef struct { unsigned long long data[8]; } algorithm;
typedef struct { algorithm algo; size_t workspace; int state; float waves; int reserved[4]; } candidate;

static int handle, alive;

static descriptor* make(int kind) { descriptor* d = calloc(1, sizeof *d); d->kind = kind; alive++; return d; }
static void has(descriptor* d, int attribute, int bytes, long long value) { d->bytes[attribute] = bytes; d->value[attribute] = value; }
static int drop(descriptor* d, int kind) { if (!d || d->kind != kind) return INVALID; d->kind = 0; free(d); alive--; return 0; }
static int set(descriptor* d, int kind, int attribute, const void* from, size_t bytes) {
    if (!d || d->kind != kind || attribute < 0 || attribute > 15 || !bytes || d->bytes[attribute] != (int)bytes) return INVALID;
    d->value[attribute] = 0;
    memcpy(&d->value[attribute], from, bytes);
    return 0;
}
static int tell(descriptor* d, int kind, int attribute, void* to, size_t bytes, size_t* written) {
    if (!d || d->kind != kind || attribute < 0 || attribute > 15 || !bytes || d->bytes[attribute] != (int)bytes) return INVALID;
    memcpy(to, &d->value[attribute], *written = bytes);
    return 0;
}

int stub_descriptors(void) { return alive; }

int cublasLtCreate(void** h) { *h = &handle; return 0; }
int cublasLtDestroy(void* h) { return h == &handle ? 0 : INVALID; }
size_t cublasLtGetVersion(void) { return 130000; }

int cublasLtMatmulDescCreate(descriptor** d, int compute, int scale) {
    if ((compute != COMPUTE32 && compute != COMPUTE_TF32) || scale != R32) return INVALID;
    *d = make(OPERATION);
    has(*d, COMPUTE, 4, compute), has(*d, SCALE, 4, scale), has(*d, TRANS_A, 4, 0), has(*d, TRANS_B, 4, 0), has(*d, EPILOGUE, 4, 1), has(*d, BIAS, 8, 0), has(*d, AUX, 8, 0), has(*d, AUX_LD, 8, 0);
    return 0;
}
int cublasLtMatmulDescDestroy(descriptor* d) { return drop(d, OPERATION); }
int cublasLtMatmulDescSetAttribute(descriptor* d, int attribute, const void* from, size_t bytes) { return set(d, OPERATION, attribute, from, bytes); }
int cublasLtMatmulDescGetAttribute(descriptor* d, int attribute, void* to, size_t bytes, size_t* written) { return tell(d, OPERATION, attribute, to, bytes, written); }

int cublasLtMatrixLayoutCreate(descriptor** d, int type, unsigned long long rows, unsigned long long columns, long long ld) {
    if ((type != R32 && type != BF16) || !rows || !columns) return INVALID;
    *d = make(MATRIX);
    has(*d, TYPE, 4, type), has(*d, ROWS, 8, rows), has(*d, COLUMNS, 8, columns), has(*d, LD, 8, ld), has(*d, BATCH, 4, 1), has(*d, STRIDE, 8, 0);
    return 0;
}
int cublasLtMatrixLayoutDestroy(descriptor* d) { return drop(d, MATRIX); }
int cublasLtMatrixLayoutSetAttribute(descriptor* d, int attribute, const void* from, size_t bytes) { return set(d, MATRIX, attribute, from, bytes); }
int cublasLtMatrixLayoutGetAttribute(descriptor* d, int attribute, void* to, size_t bytes, size_t* written) { return tell(d, MATRIX, attribute, to, bytes, written); }

int cublasLtMatmulPreferenceCreate(descriptor** d) {
    *d = make(PREFERENCE);
    has(*d, WORKSPACE, 8, 0), has(*d, SCHEMES, 4, 7);
    for (int i = ALIGN_A; i <= ALIGN_D; i++) has(*d, i, 4, 256);
    return 0;
}
int cublasLtMatmulPreferenceDestroy(descriptor* d) { return drop(d, PREFERENCE); }
int cublasLtMatmulPreferenceSetAttribute(descriptor* d, int attribute, const void* from, size_t bytes) { return set(d, PREFERENCE, attribute, from, bytes); }
int cublasLtMatmulPreferenceGetAttribute(descriptor* d, int attribute, void* to, size_t bytes, size_t* written) { return tell(d, PREFERENCE, attribute, to, bytes, written); }

static long lowest(long long x) { return x & -x; }

// What an algorithm was proposed for: it is good for nothing else.
static algorithm of(descriptor* o, descriptor* a, descriptor* b, descriptor* c) {
    algorithm x = { { o->value[COMPUTE] << 2 | o->value[TRANS_A] << 1 | o->value[TRANS_B], o->value[EPILOGUE], a->value[LD], b->value[LD], c->value[LD], c->value[ROWS] << 32 | c->value[COLUMNS], 0, 0 } };
    return x;
}

static int wrong(descriptor* o, descriptor* a, descriptor* b, descriptor* c, descriptor* d) {
    if (!o || o->kind != OPERATION || !a || a->kind != MATRIX || !b || b->kind != MATRIX || !c || c->kind != MATRIX || !d || d->kind != MATRIX) return 1;
    long long m = d->value[ROWS], n = d->value[COLUMNS], k = a->value[o->value[TRANS_A] ? ROWS : COLUMNS], epilogue = o->value[EPILOGUE];
    if (a->value[o->value[TRANS_A] ? COLUMNS : ROWS] != m || b->value[o->value[TRANS_B] ? ROWS : COLUMNS] != n || b->value[o->value[TRANS_B] ? COLUMNS : ROWS] != k) return 1;
    if (a->value[LD] < a->value[ROWS] || b->value[LD] < b->value[ROWS] || d->value[LD] < m || a->value[TYPE] != b->value[TYPE] || a->value[TYPE] != d->value[TYPE]) return 1;
    if (o->value[COMPUTE] == COMPUTE_TF32 && a->value[TYPE] != R32) return 1;
    if (a->value[BATCH] != d->value[BATCH] || b->value[BATCH] != d->value[BATCH]) return 1;
    int known = epilogue == 1 || epilogue == BIAS_BIT || epilogue == BGRADA || epilogue == RELU_BIT || epilogue == (RELU_BIT | BIAS_BIT) || (epilogue & ~(BIAS_BIT | AUX_BIT)) == GELU_BIT;
    if (!known || (epilogue & (BIAS_BIT | BGRADA) && !o->value[BIAS])) return 1;
    if (epilogue & AUX_BIT && (!o->value[AUX] || o->value[AUX_LD] % 8 || o->value[AUX_LD] < m)) return 1;
    return epilogue & (AUX_BIT | BGRADA) && d->value[BATCH] > 1;
}

int cublasLtMatmulAlgoGetHeuristic(void* h, descriptor* o, descriptor* a, descriptor* b, descriptor* c, descriptor* d, descriptor* p, int wanted, candidate* found, int* count) {
    *count = 0;
    if (h != &handle || !p || p->kind != PREFERENCE || p->value[WORKSPACE] < EXTRA || wanted < 1 || wrong(o, a, b, c, d)) return INVALID;
    if (p->value[SCHEMES] != 2) return INVALID;             // the others' sums are in any order, or rounded
    if (a->value[o->value[TRANS_A] ? ROWS : COLUMNS] == MISSING || getenv("STUB_NO_KERNELS")) return UNSUPPORTED;
    candidate x = { of(o, a, b, c), EXTRA, 0, 0.5f, { 0 } };
    for (int i = 0; i < 4; i++) x.algo.data[6] |= (unsigned long long)p->value[ALIGN_A + i] << 12 * i;
    x.algo.data[7] = lowest(o->value[BIAS]) | lowest(o->value[AUX]) << 12;
    found[0] = x;
    *count = 1;
    return 0;
}

// Whether an address is a multiple of what was said when the algorithm was proposed; of 0 every one is.
static int aligned(unsigned long long said, int i, long long at) { said = said >> 12 * i & 0xFFF; return !said || at % said == 0; }

int cublasLtMatmul(void* h, descriptor* o, const float* alpha, const void* pa, descriptor* a, const void* pb, descriptor* b, const float* beta, const void* pc, descriptor* c, void* pd, descriptor* d,
    const algorithm* algo, void* workspace, size_t bytes, void* stream) {
    if (h != &handle || !IS_STREAM(stream) || !algo || bytes < EXTRA || (uintptr_t)workspace % 256 || wrong(o, a, b, c, d)) return INVALID;
    algorithm right = of(o, a, b, c);
    if ((o->value[EPILOGUE] & (BIAS_BIT | BGRADA) && (unsigned long long)o->value[BIAS] < AWAY) || (o->value[EPILOGUE] & AUX_BIT && (unsigned long long)o->value[AUX] < AWAY)) return INVALID;
    unsigned long long matrices = algo->data[6], vectors = algo->data[7];
    if (memcmp(&right, algo, 6 * sizeof right.data[0]) || !aligned(matrices, 0, (uintptr_t)pa) || !aligned(matrices, 1, (uintptr_t)pb) || !aligned(matrices, 2, (uintptr_t)pc)
        || !aligned(matrices, 3, (uintptr_t)pd) || !aligned(vectors, 0, o->value[BIAS]) || !aligned(vectors, 1, o->value[AUX])) return INVALID;
    int type = d->value[TYPE], brain = type == BF16, epilogue = o->value[EPILOGUE], ta = o->value[TRANS_A], tb = o->value[TRANS_B], compute = o->value[COMPUTE], batch = d->value[BATCH];
    long m = d->value[ROWS], n = d->value[COLUMNS], k = a->value[ta ? ROWS : COLUMNS], lda = a->value[LD], ldb = b->value[LD], ldd = d->value[LD];
    if ((double)m * n * k * batch > 1e9) return 0;
    const void* x = HOST(pa), *y = HOST(pb);
    void* to = HOST(pd), *vector = HOST(o->value[BIAS]), *kept = HOST(o->value[AUX]);
    for (int z = 0; z < batch; z++)
        for (long j = 0; j < n; j++)
            for (long i = 0; i < m; i++) {
                float sum = 0;
                for (long l = 0; l < k; l++) sum += factor(x, type, z * a->value[STRIDE] + (ta ? l + i * lda : i + l * lda), compute) * factor(y, type, z * b->value[STRIDE] + (tb ? j + l * ldb : l + j * ldb), compute);
                long at = z * d->value[STRIDE] + i + j * ldd;
                sum = *alpha * sum + (*beta == 0 ? 0 : *beta * get(to, brain, at));
                if (epilogue & BIAS_BIT) sum += get(vector, brain, i);
                if (epilogue & AUX_BIT) put(kept, brain, i + j * o->value[AUX_LD], sum);
                if (epilogue & GELU_BIT) sum = 0.5f * sum * (1 + tanhf(0.79788456f * (sum + 0.044715f * sum * sum * sum)));
                if (epilogue & RELU_BIT) sum = sum > 0 ? sum : 0;
                put(to, brain, at, sum);
            }
    for (long i = 0; epilogue & BGRADA && i < m; i++) {
        float sum = 0;
        for (long l = 0; l < k; l++) sum += get(x, brain, ta ? l + i * lda : i + l * lda);
        put(vector, brain, i, sum);
    }
    return 0;
}
