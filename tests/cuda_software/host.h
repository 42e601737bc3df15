// CUDA's built-in names for the system's C++ compiler, and what runs the threads of a kernel one after the other.
#pragma once
// The special functions of C++17, of which CUDA has none, would double the time that each kernel takes to compile.
#include <bits/c++config.h>
#undef _GLIBCXX_USE_STD_SPEC_FUNCS
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <type_traits>
#include <utility>

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __noinline__
#define __constant__ static
#define __shared__ static  // one block runs at a time
#define __launch_bounds__(...)
#define __CUDA_ARCH__ 900

namespace software {

struct Dim3 { unsigned x, y, z; };

[[noreturn]] void fail_at_index(ptrdiff_t i, ptrdiff_t n);

}  // namespace software

typedef software::Dim3 dim3;
extern dim3 threadIdx, blockIdx, blockDim, gridDim;
static const int warpSize = 32;

// Stands in CuPy's arrays, where an element is looked up; what is said of a kernel at its end decides whether it must be there.
static bool checks_indexes();
#define CHECK_INDEX(i, n) \
    if (((ptrdiff_t)(i) < 0 || (ptrdiff_t)(i) >= (n)) && checks_indexes()) \
        software::fail_at_index(i, n);

template <typename To, typename From> inline To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "bits of the same number");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
inline unsigned __float_as_uint(float x) { return same_bits<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return same_bits<float>(x); }
inline int __float_as_int(float x) { return same_bits<int>(x); }
inline float __int_as_float(int x) { return same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return same_bits<double>(x); }

// CUDA's minimum and maximum take numbers of any two types, and leave NaN out.
template <typename A, typename B, typename C = std::common_type_t<A, B>,
          typename = std::enable_if_t<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value>>
inline C max(A a, B b) {
    if (std::is_floating_point<C>::value)
        return fmax((C)a, (C)b);
    return (C)a < (C)b ? (C)b : (C)a;
}
template <typename A, typename B, typename C = std::common_type_t<A, B>,
          typename = std::enable_if_t<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value>>
inline C min(A a, B b) {
    if (std::is_floating_point<C>::value)
        return fmin((C)a, (C)b);
    return (C)b < (C)a ? (C)b : (C)a;
}

// Functions of CUDA's mathematics that C++ has not, to the precision of double.
namespace software {

inline double erfcx(double x) {
    if (x < 10)
        return exp(x * x) * erfc(x);
    double fraction = 0;  // a continued fraction, from its end
    for (int k = 60; k > 0; --k)
        fraction = k / 2. / (x + fraction);
    return 1 / sqrt(M_PI) / (x + fraction);
}

inline double erfcinv(double p) {
    if (!(p > 0 && p < 2))
        return p == 0 ? INFINITY : p == 2 ? -INFINITY : NAN;
    const double tail = p < 1 ? p : 2 - p, t = sqrt(-2 * log(tail / 2));
    double x = (t - (2.30753 + t * 0.27061) / (1 + t * (0.99229 + t * 0.04481))) / sqrt(2.);  // A&S 26.2.22
    for (int i = 0; i < 4; ++i) {  // Halley's steps
        const double error = erfc(x) - tail;
        x += error / (2 / sqrt(M_PI) * exp(-x * x) - x * error);
    }
    return p < 1 ? x : -x;
}

inline double erfinv(double y) {
    if (!(fabs(y) < 0.5))
        return y < 0 ? -erfcinv(1 + y) : erfcinv(1 - y);
    double x = y * sqrt(M_PI) / 2;
    for (int i = 0; i < 4; ++i)
        x -= (erf(x) - y) / (2 / sqrt(M_PI) * exp(-x * x));
    return x;
}

inline double rsqrt(double x) { return 1 / sqrt(x); }
inline double rcbrt(double x) { return 1 / cbrt(x); }
inline double sinpi(double x) { return sin(M_PI * fmod(x, 2)); }
inline double cospi(double x) { return cos(M_PI * fmod(x, 2)); }
inline double exp10(double x) { return pow(10, x); }
inline double normcdf(double x) { return erfc(-x * sqrt(0.5)) / 2; }
inline double normcdfinv(double p) { return -sqrt(2.) * erfcinv(2 * p); }

}  // namespace software

#define DEFINE_FUNCTION(name) \
    inline double name(double x) { return software::name(x); } \
    inline float name(float x) { return (float)software::name((double)x); } \
    inline float name##f(float x) { return (float)software::name((double)x); }
DEFINE_FUNCTION(erfcx)
DEFINE_FUNCTION(erfinv)
DEFINE_FUNCTION(erfcinv)
DEFINE_FUNCTION(rsqrt)
DEFINE_FUNCTION(rcbrt)
DEFINE_FUNCTION(sinpi)
DEFINE_FUNCTION(cospi)
DEFINE_FUNCTION(normcdf)
DEFINE_FUNCTION(normcdfinv)
#undef DEFINE_FUNCTION
inline float exp10(float x) { return (float)software::exp10(x); }

// Fast intrinsics; these are exact.
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __saturatef(float x) { return x > 0 ? fminf(x, 1) : 0; }
inline int __float2int_rn(float x) { return (int)nearbyintf(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) {
    unsigned y = 0;
    for (int i = 0; i < 32; ++i)
        y |= (x >> i & 1) << (31 - i);
    return y;
}
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((uint64_t)x * y >> 32); }
inline int __mulhi(int x, int y) { return (int)((int64_t)x * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}
template <typename T> inline T __ldg(const T *p) { return *p; }

// Threads run one at a time, so that what is atomic on a GPU is plain arithmetic here.
#define DEFINE_ATOMIC(name, result) \
    template <typename T, typename V> inline T name(T *p, V v) { \
        const T old = *p; \
        *p = result; \
        return old; \
    }
DEFINE_ATOMIC(atomicAdd, (T)(old + (T)v))
DEFINE_ATOMIC(atomicSub, (T)(old - (T)v))
DEFINE_ATOMIC(atomicMax, old < (T)v ? (T)v : old)
DEFINE_ATOMIC(atomicMin, (T)v < old ? (T)v : old)
DEFINE_ATOMIC(atomicExch, (T)v)
DEFINE_ATOMIC(atomicAnd, (T)(old & (T)v))
DEFINE_ATOMIC(atomicOr, (T)(old | (T)v))
DEFINE_ATOMIC(atomicXor, (T)(old ^ (T)v))
DEFINE_ATOMIC(atomicInc, old >= (T)v ? (T)0 : (T)(old + 1))
#undef DEFINE_ATOMIC
template <typename T, typename V, typename W> inline T atomicCAS(T *p, V compare, W v) {
    const T old = *p;
    if (old == (T)compare)
        *p = (T)v;
    return old;
}
