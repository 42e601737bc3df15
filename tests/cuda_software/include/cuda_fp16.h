// As much of CUDA's header as CuPy's float16 takes of it.
#pragma once

struct __half_raw { unsigned short x; };
struct half {
    unsigned short bits;
    half() {}
    half(float x) : bits(float_to_half(x)) {}
    half(double x) : half((float)x) {}
    half(int x) : half((float)x) {}
    half(unsigned x) : half((float)x) {}
    half(long long x) : half((float)x) {}
    half(unsigned long long x) : half((float)x) {}
    half(const __half_raw &raw) : bits(raw.x) {}
    operator float() const { return half_to_float(bits); }
    operator __half_raw() const { return {bits}; }
};
inline unsigned short __half_as_ushort(half x) { return x.bits; }
inline half __ushort_as_half(unsigned short bits) { return __half_raw{bits}; }
