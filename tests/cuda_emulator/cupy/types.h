// What CuPy lays around the text of a kernel: half precision, arrays with strides, indices of several axes.
// The same header serves the system's C++ compiler and NVRTC.
#pragma once

// NVRTC's own types; elsewhere <cstdint> and <cstddef> define them.
#ifdef __CUDACC_RTC__
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef long ptrdiff_t;
#endif

#ifndef M_PI
#define M_PI 3.1415926535897932384626433832795
#endif

#define CUPY_FOR(i, n) \
    for (ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
         i += (ptrdiff_t)blockDim.x * gridDim.x)

// Stored in 16 bits, computed with in float.
class float16 {
    unsigned short bits_;

public:
    __device__ float16() {}
    __device__ float16(float v) : bits_(float_to_half(v)) {}
    explicit __device__ float16(bool v) : float16((float)v) {}
    explicit __device__ float16(double v) : float16((float)v) {}
    explicit __device__ float16(int v) : float16((float)v) {}
    explicit __device__ float16(unsigned v) : float16((float)v) {}
    explicit __device__ float16(long long v) : float16((float)v) {}
    explicit __device__ float16(unsigned long long v) : float16((float)v) {}
    __device__ float16 &operator=(const float16 &) = default;
    __device__ float16(const float16 &) = default;

    __device__ operator float() const { return half_to_float(bits_); }

    template <typename T> __device__ float16 &operator=(const T &v) { return *this = static_cast<float16>(v); }
    template <typename T> __device__ float16 &operator+=(const T &v) { return *this = *this + v; }
    template <typename T> __device__ float16 &operator-=(const T &v) { return *this = *this - v; }
    template <typename T> __device__ float16 &operator*=(const T &v) { return *this = *this * v; }
    template <typename T> __device__ float16 &operator/=(const T &v) { return *this = *this / v; }

    __device__ unsigned short to_bits() const { return bits_; }
    __device__ static float16 from_bits(unsigned short bits) {
        float16 value;
        value.bits_ = bits;
        return value;
    }
};

__device__ inline float16 min(float16 x, float16 y) { return float16(fminf((float)x, (float)y)); }
__device__ inline float16 max(float16 x, float16 y) { return float16(fmaxf((float)x, (float)y)); }
__device__ inline float16 fmin(float16 x, float16 y) { return min(x, y); }
__device__ inline float16 fmax(float16 x, float16 y) { return max(x, y); }
__device__ inline float16 copysign(float16 x, float16 y) { return float16(copysignf((float)x, (float)y)); }
__device__ inline int isnan(float16 x) { return (x.to_bits() & 0x7fffu) > 0x7c00u; }
__device__ inline int isinf(float16 x) { return (x.to_bits() & 0x7fffu) == 0x7c00u; }
__device__ inline int isfinite(float16 x) { return (x.to_bits() & 0x7c00u) != 0x7c00u; }
__device__ inline int signbit(float16 x) { return x.to_bits() >> 15; }

// The upper half of a float; unlike CuPy's other types it is not assigned to by operators such as +=.
class bfloat16 {
    unsigned short bits_;

public:
    __device__ bfloat16() {}
    __device__ bfloat16(float v) : bits_(float_to_bfloat16(v)) {}
    explicit __device__ bfloat16(float16 v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(bool v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(double v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(int v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(unsigned v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(long long v) : bfloat16((float)v) {}
    explicit __device__ bfloat16(unsigned long long v) : bfloat16((float)v) {}
    bfloat16 &operator=(const bfloat16 &) = default;
    bfloat16(const bfloat16 &) = default;

    __device__ operator float() const { return bfloat16_to_float(bits_); }

    template <typename T> __device__ bfloat16 &operator=(const T &v) { return *this = static_cast<bfloat16>(v); }

    __device__ unsigned short to_bits() const { return bits_; }
    __device__ static bfloat16 from_bits(unsigned short bits) {
        bfloat16 value;
        value.bits_ = bits;
        return value;
    }
};

__device__ inline bfloat16 min(bfloat16 x, bfloat16 y) { return bfloat16(fminf((float)x, (float)y)); }
__device__ inline bfloat16 max(bfloat16 x, bfloat16 y) { return bfloat16(fmaxf((float)x, (float)y)); }
__device__ inline bfloat16 fmin(bfloat16 x, bfloat16 y) { return min(x, y); }
__device__ inline bfloat16 fmax(bfloat16 x, bfloat16 y) { return max(x, y); }
__device__ inline int isnan(bfloat16 x) { return (x.to_bits() & 0x7fffu) > 0x7f80u; }
__device__ inline int isinf(bfloat16 x) { return (x.to_bits() & 0x7fffu) == 0x7f80u; }
__device__ inline int isfinite(bfloat16 x) { return (x.to_bits() & 0x7f80u) != 0x7f80u; }
__device__ inline int signbit(bfloat16 x) { return x.to_bits() >> 15; }

// An index on each axis; kernels treat it as an array of numbers.
struct Place {
    ptrdiff_t at[10];
    __device__ operator const ptrdiff_t *() const { return at; }
};

// An array argument of an elementwise kernel. The host passes it by value, laid out as in `_kernels.py`. CuPy's class has
// the number of axes among its template's parameters; here it is a member, so that one build serves all.
template <typename T, int = -1, bool = false, bool = false, int = 0>
class CArray {
    T *data_;
    ptrdiff_t size_, ndim_, contiguous_, shape_[10], strides_[10];  // strides in bytes

    __device__ T &at(ptrdiff_t offset) const { return *(T *)((char *)data_ + offset); }

    __device__ T &element(ptrdiff_t i) const {
        CHECK_INDEX(i, size_)
        if (contiguous_)
            return data_[i];
        ptrdiff_t offset = 0;
        for (ptrdiff_t d = ndim_; --d > 0; i /= shape_[d])
            offset += strides_[d] * (i % shape_[d]);
        return at(offset + (ndim_ ? strides_[0] * i : 0));
    }

    template <typename Index> __device__ T &element_at(const Index *index) const {
        ptrdiff_t offset = 0;
        for (ptrdiff_t d = 0; d < ndim_; ++d) {
            CHECK_INDEX(index[d], shape_[d])
            offset += strides_[d] * index[d];
        }
        return at(offset);
    }

public:
    __device__ ptrdiff_t size() const { return size_; }
    __device__ const ptrdiff_t *shape() const { return shape_; }
    __device__ const ptrdiff_t *strides() const { return strides_; }

    // An element by its number in C order, or by its index on each axis. Those of a constant array are constant.
    __device__ T &operator[](ptrdiff_t i) { return element(i); }
    __device__ const T &operator[](ptrdiff_t i) const { return element(i); }
    __device__ T &operator[](const Place &place) { return element_at(place.at); }
    __device__ const T &operator[](const Place &place) const { return element_at(place.at); }
    template <typename Index, int n> __device__ T &operator[](const Index (&index)[n]) {
        CHECK_AXES(n, ndim_)
        return element_at(index);
    }
    template <typename Index, int n> __device__ const T &operator[](const Index (&index)[n]) const {
        CHECK_AXES(n, ndim_)
        return element_at(index);
    }
};

// Where a thread is within the shape that an elementwise kernel runs over.
template <int = -1, bool = false>
class CIndexer {
    ptrdiff_t size_, ndim_, shape_[10];
    Place place_;

public:
    __device__ ptrdiff_t size() const { return size_; }
    __device__ const Place &get() const { return place_; }
    __device__ void set(ptrdiff_t i) {
        for (ptrdiff_t d = ndim_; --d > 0; i /= shape_[d])
            place_.at[d] = i % shape_[d];
        place_.at[0] = i;
    }
};
