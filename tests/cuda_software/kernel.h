// What is compiled before the text of a kernel: CUDA for the host, and CuPy's own headers.
#include <assert.h>
#include <initializer_list>
#include "host.h"
#include "halves.h"
#include "threads.h"

#define __CUDACC_VER_MAJOR__ 12
#define __align__(n) __attribute__((aligned(n)))
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <cupy/complex.cuh>
#include <cupy/math_constants.h>
// What is not inline would be compiled again with each kernel, whether that calls it or not; it takes as long as the rest.
#define inline
#undef __device__
#define __device__ __inline__
#include <cupy/carray.cuh>
#include <cupy/atomics.cuh>
#include <cupy/float16.cuh>
#include <cupy/bfloat16.cuh>
#undef inline
#undef __device__
#define __device__

namespace software {

template <typename... Args> constexpr int count(void (*)(Args...)) { return sizeof...(Args); }
template <typename... Args> const size_t *sizes(void (*)(Args...)) {
    static const size_t result[] = {sizeof(Args)..., 0};
    return result;
}

}  // namespace software

// Describes a kernel: the name to find it by, how its text calls it, and whether its threads wait for each other.
#define DESCRIBE(name, kernel, text, together) \
    extern "C" __attribute__((visibility("default"))) software::Kernel kernel_##name = { \
        [](void **arguments, const unsigned *grid, const unsigned *block) { \
            return software::launch(kernel, arguments, grid, block, together); \
        }, text, software::count(kernel), software::sizes(kernel)};
