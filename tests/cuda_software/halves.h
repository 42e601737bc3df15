// Numbers in half precision, in memory as CUDA has them.
#pragma once

inline float half_to_float(unsigned short bits) {
    // The exponent's bias is 112 less than that of float; infinity and NaN have the largest exponent in both.
    float value = __uint_as_float((bits & 0x7fffu) << 13) * 0x1p112f;
    if ((bits & 0x7c00u) == 0x7c00u)
        value = __uint_as_float(0x7f800000u | (bits & 0x3ffu) << 13);
    return bits & 0x8000u ? -value : value;
}

inline unsigned short float_to_half(float value) {
    const unsigned all = __float_as_uint(value), sign = all >> 16 & 0x8000u;
    unsigned size = all & 0x7fffffffu;
    if (size > 0x7f800000u)
        return sign | 0x7e00u;
    if (size < 0x38800000u)  // below 2 ** -14: multiples of 2 ** -24
        return sign | (unsigned)nearbyintf(__uint_as_float(size) * 0x1p24f);
    size -= 0x38000000u;
    size = (size + 0xfffu + (size >> 13 & 1)) >> 13;  // to nearest, ties to even
    return sign | (size > 0x7c00u ? 0x7c00u : size);
}

inline float bfloat16_to_float(unsigned short bits) { return __uint_as_float((unsigned)bits << 16); }

inline unsigned short float_to_bfloat16(float value) {
    const unsigned all = __float_as_uint(value);
    if ((all & 0x7fffffffu) > 0x7f800000u)
        return 0x7fffu;
    return (all + 0x7fffu + (all >> 16 & 1)) >> 16;  // to nearest, ties to even
}
