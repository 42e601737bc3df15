// The memory of the devices, and the functions that a kernel calls at each load and store, as for an address sanitizer:
// it may not reach beyond what was asked for. Other memory is the host's: a thread's own, and what a block shares.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <algorithm>
#include <new>
#include "driver.h"

// CuPy's pool takes memory, and shares it out, in units of so many bytes; only the last one of an array may be in use in
// part. Each has a number that says how much of it is.
static const size_t UNIT = 512, RANGE = size_t(1) << 42, GAP = 128 * UNIT;

template <typename T> static T *reserve(size_t n) {
    void *result = mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (result == MAP_FAILED)
        throw std::bad_alloc();
    return (T *)result;
}

static char *const memory = reserve<char>(RANGE);
static uint16_t *const used = reserve<uint16_t>(RANGE / UNIT);
static size_t next = GAP;
bool software::is_replay = false;

void software::use_memory(char *address, size_t n) {
    const size_t unit = (address - memory) / UNIT;
    if (is_idle || unit >= RANGE / UNIT)
        return;
    memset(address, 0xff, n);  // what nobody has written yet is not a number
    std::fill_n(used + unit, n / UNIT, UNIT);
    if (n % UNIT)
        used[unit + n / UNIT] = n % UNIT;
}

char *software::take_memory(size_t n) {
    const size_t size = (n + UNIT - 1) / UNIT * UNIT;
    if (next + size + GAP > RANGE)
        return nullptr;
    char *result = memory + next;
    next += size + GAP;
    use_memory(result, n);
    return result;
}

void software::give_memory_back(char *address, size_t n) {
    n = (n + UNIT - 1) / UNIT * UNIT;
    madvise(address, n, MADV_DONTNEED);
    if (!is_idle)
        std::fill_n(used + (address - memory) / UNIT, n / UNIT, 0);
}

bool software::is_memory(const void *address, size_t n) {
    const size_t first = (const char *)address - memory, last = first + (n ? n - 1 : 0);
    if (first >= RANGE || last >= RANGE)
        return false;
    if (is_idle)
        return true;
    for (size_t unit = first / UNIT; unit < last / UNIT; ++unit)
        if (used[unit] < UNIT)
            return false;
    return last % UNIT < (is_replay && used[last / UNIT] ? UNIT : used[last / UNIT]);
}

FUNCTION bool is_memory(const void *address, size_t n) { return software::is_memory(address, n); }

bool software::is_beyond(const void *address, size_t n) {
    return (size_t)((const char *)address - memory) < RANGE && !is_memory(address, n);
}

static void check(const void *address, size_t n, const char *what) {
    // Nearly all are the host's, or within one unit; this is what kernels spend most of their time on.
    const size_t first = (const char *)address - memory, last = first + n - 1;
    if (first >= RANGE || (first / UNIT == last / UNIT && last % UNIT < used[last / UNIT]) ||
        !software::is_beyond(address, n))
        return;
    char text[80];
    snprintf(text, sizeof text, "it %s %zu bytes at %p, where no array is", what, n, address);
    software::fail(text);
}

#define DEFINE_CHECKS(n) \
    FUNCTION void __asan_load##n##_noabort(const void *address) { check(address, n, "reads"); } \
    FUNCTION void __asan_store##n##_noabort(const void *address) { check(address, n, "writes"); }
DEFINE_CHECKS(1)
DEFINE_CHECKS(2)
DEFINE_CHECKS(4)
DEFINE_CHECKS(8)
DEFINE_CHECKS(16)
FUNCTION void __asan_loadN_noabort(const void *address, size_t n) { check(address, n, "reads"); }
FUNCTION void __asan_storeN_noabort(const void *address, size_t n) { check(address, n, "writes"); }
FUNCTION void __asan_handle_no_return() {}
FUNCTION void __asan_before_dynamic_init(const char *) {}
FUNCTION void __asan_after_dynamic_init() {}
