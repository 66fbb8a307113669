// A cuBLAS that computes column-major products, element by element; those that would take long it only checks.
#include "blas.h"

enum { INVALID = 7 };

static int handle, streamed, roomy;

int cublasCreate_v2(void** h) { *h = &handle; streamed = roomy = 0; return 0; }
int cublasDestroy_v2(void* h) { return h == &handle ? 0 : INVALID; }
const char* cublasGetStatusName(int status) { return status == INVALID ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_UNKNOWN"; }
const char* cublasGetStatusString(int status) { return status == INVALID ? "an unsupported value or parameter was passed" : "unknown"; }
int cublasSetStream_v2(void* h, void* stream) { streamed = IS_STREAM(stream); roomy = 0; return streamed ? 0 : INVALID; }     // takes the workspace away, as cuBLAS does
int cublasSetWorkspace_v2(void* h, void* workspace, size_t bytes) { roomy = bytes >= 32 << 20 && (uintptr_t)workspace % 256 == 0; return roomy ? 0 : INVALID; }
int cublasSetMathMode(void* h, int mode) { return mode == 0 ? 0 : INVALID; }
int cublasGetMathMode(void* h, int* mode) { *mode = 0; return 0; }
int cublasGetVersion_v2(void* h, int* version) { *version = 130000; return 0; }

int cublasGemmStridedBatchedEx(void* h, int ta, int tb, int m, int n, int k, const float* alpha, const void* a, int type_a, int lda, long long stride_a, const void* b, int type_b, int ldb,
    long long stride_b, const float* beta, void* c, int type_c, int ldc, long long stride_c, int batch, int compute, int algorithm) {
    if (h != &handle || !streamed || !roomy || ta < 0 || ta > 1 || tb < 0 || tb > 1 || type_a != type_b || type_a != type_c || (type_a != R32 && type_a != BF16) || (compute != COMPUTE32 && (compute != COMPUTE_TF32 || type_a != R32)) || algorithm != -1) return INVALID;
    if (lda < 1 || lda < (ta ? k : m) || ldb < 1 || ldb < (tb ? n : k) || ldc < 1 || ldc < m) return INVALID;
    if ((double)m * n * k * batch > 1e9) return 0;
    const void* x = HOST(a), *y = HOST(b);
    void* to = HOST(c);
    for (int z = 0; z < batch; z++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                float sum = 0;
                for (int l = 0; l < k; l++) sum += factor(x, type_a, z * stride_a + (ta ? l + (long)i * lda : i + (long)l * lda), compute) * factor(y, type_b, z * stride_b + (tb ? j + (long)l * ldb : l + (long)j * ldb), compute);
                long at = z * stride_c + i + (long)j * ldc;
                put(to, type_c == BF16, at, *alpha * sum + (*beta == 0 ? 0 : *beta * get(to, type_c == BF16, at)));
            }
    return 0;
}
int cublasGemmEx(void* h, int ta, int tb, int m, int n, int k, const float* alpha, const void* a, int type_a, int lda, const void* b, int type_b, int ldb, const float* beta, void* c, int type_c,
    int ldc, int compute, int algorithm) {
    return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1, compute, algorithm);
}
