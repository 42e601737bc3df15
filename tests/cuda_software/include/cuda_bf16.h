// As much of CUDA's header as CuPy's bfloat16 takes of it.
#pragma once

struct __nv_bfloat16 {
    unsigned short bits;
    __nv_bfloat16() : bits(0) {}
    __nv_bfloat16(float x) : bits(float_to_bfloat16(x)) {}
    operator float() const { return bfloat16_to_float(bits); }
};
inline bool operator==(__nv_bfloat16 x, __nv_bfloat16 y) { return (float)x == (float)y; }
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    __nv_bfloat16 x;
    x.bits = bits;
    return x;
}
inline int __hisnan(__nv_bfloat16 x) { return (x.bits & 0x7fff) > 0x7f80; }
inline int __hisinf(__nv_bfloat16 x) { return (x.bits & 0x7fff) == 0x7f80; }
