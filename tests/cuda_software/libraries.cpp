// cuBLAS and cuRAND in software: the functions that CuPy and autograd_nn call. Matrices have their columns first.
#include <algorithm>
#include <random>
#include "driver.h"
#include "host.h"
#include "halves.h"

typedef int Status;
typedef const void *Input;
enum { INVALID_VALUE = 7, EXECUTION_FAILED = 13, INVALID_LENGTH = 105 };
enum Type { FLOAT32, FLOAT64, FLOAT16, BFLOAT16 = 14 };

struct Blas { void *stream; int math_mode, pointer_mode; };

FUNCTION Status cublasCreate_v2(void **handle) { *handle = new Blas(); return 0; }
FUNCTION Status cublasDestroy_v2(void *handle) { delete (Blas *)handle; return 0; }
FUNCTION Status cublasSetStream_v2(void *handle, void *stream) { ((Blas *)handle)->stream = stream; return 0; }
FUNCTION Status cublasGetStream_v2(void *handle, void **stream) { *stream = ((Blas *)handle)->stream; return 0; }
FUNCTION Status cublasSetMathMode(void *handle, int mode) { ((Blas *)handle)->math_mode = mode; return 0; }
FUNCTION Status cublasGetMathMode(void *handle, int *mode) { *mode = ((Blas *)handle)->math_mode; return 0; }
FUNCTION Status cublasSetPointerMode_v2(void *handle, int mode) { ((Blas *)handle)->pointer_mode = mode; return 0; }
FUNCTION Status cublasGetPointerMode_v2(void *handle, int *mode) { *mode = ((Blas *)handle)->pointer_mode; return 0; }
FUNCTION Status cublasGetVersion_v2(void *, int *version) { *version = 120900; return 0; }
FUNCTION Status cublasSetWorkspace_v2(void *, void *, size_t) { return 0; }

static double load(Input a, int type, size_t i) {
    switch (type) {
        case FLOAT32: return ((const float *)a)[i];
        case FLOAT64: return ((const double *)a)[i];
        case FLOAT16: return half_to_float(((const unsigned short *)a)[i]);
        default: return bfloat16_to_float(((const unsigned short *)a)[i]);
    }
}
static void store(void *a, int type, size_t i, double x) {
    switch (type) {
        case FLOAT32: ((float *)a)[i] = x; break;
        case FLOAT64: ((double *)a)[i] = x; break;
        case FLOAT16: ((unsigned short *)a)[i] = float_to_half(x); break;
        default: ((unsigned short *)a)[i] = float_to_bfloat16(x);
    }
}
static size_t bytes(int type) { return type == FLOAT32 ? 4 : type == FLOAT64 ? 8 : 2; }

struct Matrix {
    Input data;
    int type, is_transposed, line;
    long long step;  // from one matrix to the next

    // Whether matrices of so many rows and columns are not all within their arrays.
    bool is_beyond(int rows, int columns, int count) const {
        if (is_transposed)
            std::swap(rows, columns);
        return rows && columns && count && software::is_beyond(
            data, ((count - 1) * step + (columns - 1LL) * line + rows) * bytes(type));
    }

    std::vector<double> lines(int matrix, int count, int length, bool by_rows) const {
        std::vector<double> result((size_t)count * length);
        const char *first = (const char *)data + matrix * step * bytes(type);
        for (int i = 0; i < count; ++i)
            for (int k = 0; k < length; ++k)
                result[(size_t)i * length + k] = load(first, type, by_rows == !is_transposed ? (size_t)k * line + i
                                                                                            : (size_t)i * line + k);
        return result;
    }
};

// c = alpha * a @ b + beta * c, for many matrices.
static Status multiply(void *handle, int m, int n, int k, double alpha, Matrix a, Matrix b, double beta, Matrix c,
                       int count) {
    if (m < 0 || n < 0 || k < 0 || a.line < std::max(1, a.is_transposed ? k : m) ||
        b.line < std::max(1, b.is_transposed ? n : k) || c.line < std::max(1, m))
        return INVALID_VALUE;
    auto held = software::lock();
    return software::enqueue(((Blas *)handle)->stream, [=] {
        if (a.is_beyond(m, k, count) || b.is_beyond(k, n, count) || c.is_beyond(m, n, count))
            return software::failed("cuBLAS: a matrix reaches beyond its array");
        for (int matrix = 0; matrix < (software::is_idle ? 0 : count); ++matrix) {
            const std::vector<double> rows = a.lines(matrix, m, k, true), columns = b.lines(matrix, n, k, false);
            char *result = (char *)c.data + matrix * c.step * bytes(c.type);
            for (int j = 0; j < n; ++j)
                for (int i = 0; i < m; ++i) {
                    double sum = 0;
                    for (int l = 0; l < k; ++l)
                        sum += rows[(size_t)i * k + l] * columns[(size_t)j * k + l];
                    const size_t at = (size_t)j * c.line + i;
                    store(result, c.type, at, alpha * sum + (beta ? beta * load(result, c.type, at) : 0));
                }
        }
    }) ? EXECUTION_FAILED : 0;
}

// Factors are in the type in which cuBLAS computes: double precision if that is 70, else single precision.
static double factor(Input x, int compute) { return compute == 70 ? *(const double *)x : *(const float *)x; }

FUNCTION Status cublasGemmStridedBatchedEx(
        void *handle, int ta, int tb, int m, int n, int k, Input alpha, Input a, int a_type, int lda, long long a_step,
        Input b, int b_type, int ldb, long long b_step, Input beta, void *c, int c_type, int ldc, long long c_step,
        int count, int compute, int) {
    return multiply(handle, m, n, k, factor(alpha, compute), {a, a_type, ta, lda, a_step}, {b, b_type, tb, ldb, b_step},
                    factor(beta, compute), {c, c_type, 0, ldc, c_step}, count);
}
FUNCTION Status cublasGemmEx(void *handle, int ta, int tb, int m, int n, int k, Input alpha, Input a, int a_type,
                             int lda, Input b, int b_type, int ldb, Input beta, void *c, int c_type, int ldc,
                             int compute, int algorithm) {
    return cublasGemmStridedBatchedEx(handle, ta, tb, m, n, k, alpha, a, a_type, lda, 0, b, b_type, ldb, 0, beta, c,
                                      c_type, ldc, 0, 1, compute, algorithm);
}
FUNCTION Status cublasSgemmEx(void *handle, int ta, int tb, int m, int n, int k, const float *alpha, Input a,
                              int a_type, int lda, Input b, int b_type, int ldb, const float *beta, void *c, int c_type,
                              int ldc) {
    return cublasGemmEx(handle, ta, tb, m, n, k, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc, 68, -1);
}

#define FUNCTIONS(letter, T, type) \
    FUNCTION Status cublas##letter##gemmStridedBatched( \
            void *handle, int ta, int tb, int m, int n, int k, const T *alpha, Input a, int lda, long long a_step, \
            Input b, int ldb, long long b_step, const T *beta, void *c, int ldc, long long c_step, int count) { \
        return multiply(handle, m, n, k, *alpha, {a, type, ta, lda, a_step}, {b, type, tb, ldb, b_step}, *beta, \
                        {c, type, 0, ldc, c_step}, count); \
    } \
    FUNCTION Status cublas##letter##gemm_v2(void *handle, int ta, int tb, int m, int n, int k, const T *alpha, Input a, \
                                            int lda, Input b, int ldb, const T *beta, void *c, int ldc) { \
        return cublas##letter##gemmStridedBatched(handle, ta, tb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, \
                                                  1); \
    } \
    FUNCTION Status cublas##letter##gemmBatched(void *handle, int ta, int tb, int m, int n, int k, const T *alpha, \
                                                Input *a, int lda, Input *b, int ldb, const T *beta, void **c, \
                                                int ldc, int count) { \
        Status status = 0; \
        for (int i = 0; i < count && !status; ++i) \
            status = cublas##letter##gemm_v2(handle, ta, tb, m, n, k, alpha, a[i], lda, b[i], ldb, beta, c[i], ldc); \
        return status; \
    } \
    FUNCTION Status cublas##letter##gemv_v2(void *handle, int ta, int m, int n, const T *alpha, Input a, int lda, \
                                            Input x, int x_step, const T *beta, void *y, int y_step) { \
        return multiply(handle, 1, ta ? n : m, ta ? m : n, *alpha, {x, type, 0, x_step, 0}, {a, type, !ta, lda, 0}, \
                        *beta, {y, type, 0, y_step, 0}, 1); \
    } \
    FUNCTION Status cublas##letter##dot_v2(void *handle, int n, Input x, int x_step, Input y, int y_step, void *result) { \
        return multiply(handle, 1, 1, n, 1, {x, type, 0, x_step, 0}, {y, type, 1, y_step, 0}, 0, \
                        {result, type, 0, 1, 0}, 1); \
    }
FUNCTIONS(S, float, FLOAT32)
FUNCTIONS(D, double, FLOAT64)

struct Generator { std::mt19937_64 engine; };

FUNCTION Status curandCreateGenerator(void **generator, int) { *generator = new Generator; return 0; }
FUNCTION Status curandDestroyGenerator(void *generator) { delete (Generator *)generator; return 0; }
FUNCTION Status curandSetPseudoRandomGeneratorSeed(void *generator, unsigned long long seed) {
    ((Generator *)generator)->engine.seed(seed);
    return 0;
}
FUNCTION Status curandSetGeneratorOffset(void *, unsigned long long) { return 0; }
FUNCTION Status curandSetStream(void *, void *) { return 0; }

template <typename T, typename Distribution>
static Status draw(void *generator, T *result, size_t n, Distribution distribution) {
    for (size_t i = 0; i < n; ++i)
        result[i] = distribution(((Generator *)generator)->engine);
    return 0;
}
FUNCTION Status curandGenerate(void *generator, unsigned *result, size_t n) {
    return draw(generator, result, n, std::uniform_int_distribution<unsigned>());
}
// Above 0, and 1 at most.
FUNCTION Status curandGenerateUniform(void *generator, float *result, size_t n) {
    return draw(generator, result, n, [](auto &engine) { return ((engine() >> 40) + 1) * 0x1p-24f; });
}
FUNCTION Status curandGenerateUniformDouble(void *generator, double *result, size_t n) {
    return draw(generator, result, n, [](auto &engine) { return ((engine() >> 11) + 1) * 0x1p-53; });
}
FUNCTION Status curandGenerateNormal(void *generator, float *result, size_t n, float mean, float deviation) {
    return n % 2 ? INVALID_LENGTH : draw(generator, result, n, std::normal_distribution<float>(mean, deviation));
}
FUNCTION Status curandGenerateNormalDouble(void *generator, double *result, size_t n, double mean, double deviation) {
    return n % 2 ? INVALID_LENGTH : draw(generator, result, n, std::normal_distribution<double>(mean, deviation));
}
