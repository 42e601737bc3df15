// Half precision, in memory as CUDA has it.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

inline float half_to_float(unsigned short bits) { return _cvtsh_ss(bits); }
inline unsigned short float_to_half(float x) { return x != x ? 0x7fff : _cvtss_sh(x, 0); }
inline float bfloat16_to_float(unsigned short bits) {
    const uint32_t all = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &all, sizeof x);
    return x;
}
inline unsigned short float_to_bfloat16(float x) {
    uint32_t all;
    memcpy(&all, &x, sizeof all);
    return x != x ? 0x7fff : (all + 0x7fff + (all >> 16 & 1)) >> 16;  // to nearest, ties to even
}
