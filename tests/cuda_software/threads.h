// What a kernel's text needs of `threads.cpp`: the launch, and the functions by which threads wait for each other.
#pragma once

namespace software {

// How the library that was made of a kernel's text describes it.
struct Kernel {
    const char *(*run)(void **arguments, const unsigned *grid, const unsigned *block);
    const char *name;
    int count;
    const size_t *sizes;
};

enum State { RUNS, WAITS_FOR_WARP, WAITS_FOR_BLOCK, ENDED };

const char *run(void (*kernel)(void *), void *call, const unsigned *grid, const unsigned *block, bool together,
                unsigned turn);
void wait_for(State barrier);
void exchange(void *value, size_t size, unsigned from, bool valid);
unsigned ballot(bool value);
int count(bool value);

inline unsigned own_number() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

template <typename... Args> struct Call {
    void (*kernel)(Args...);
    void **arguments;

    template <size_t... i> void unpack(std::index_sequence<i...>) {
        kernel(*(std::remove_const_t<Args> *)arguments[i]...);
    }
    static void run(void *call) { ((Call *)call)->unpack(std::index_sequence_for<Args...>()); }
};

// Calls a kernel once for each thread. Arguments are pointers to values, as a CUDA driver takes them.
// Returns what went wrong, or null.
template <typename... Args>
const char *launch(void (*kernel)(Args...), void **arguments, const unsigned *grid, const unsigned *block,
                   bool together) {
    static unsigned turn;
    Call<Args...> call = {kernel, arguments};
    return run(Call<Args...>::run, &call, grid, block, together, turn++);
}

template <typename T> T exchanged(T value, unsigned from, bool valid) {
    static_assert(sizeof value <= 16, "threads exchange at most 16 bytes");
    exchange(&value, sizeof value, from, valid);
    return value;
}

}  // namespace software

inline void __syncthreads() { software::wait_for(software::WAITS_FOR_BLOCK); }
inline void __syncwarp(unsigned = ~0u) { software::wait_for(software::WAITS_FOR_WARP); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline int __syncthreads_count(int value) { return software::count(value); }
inline int __syncthreads_or(int value) { return software::count(value) > 0; }
inline int __syncthreads_and(int value) { return software::count(!value) == 0; }
inline unsigned __ballot_sync(unsigned, int value) { return software::ballot(value); }
inline int __any_sync(unsigned, int value) { return software::ballot(value) != 0; }
inline int __all_sync(unsigned, int value) { return software::ballot(!value) == 0; }

template <typename T> T __shfl_sync(unsigned, T value, int lane, int width = 32) {
    const unsigned own = software::own_number();
    return software::exchanged(value, own / width * width + lane % width, true);
}
template <typename T> T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
    const unsigned own = software::own_number(), from = own ^ mask;
    return software::exchanged(value, from, from / width == own / width);
}
template <typename T> T __shfl_down_sync(unsigned, T value, unsigned delta, int width = 32) {
    const unsigned own = software::own_number();
    return software::exchanged(value, own + delta, own % width + delta < (unsigned)width);
}
template <typename T> T __shfl_up_sync(unsigned, T value, unsigned delta, int width = 32) {
    const unsigned own = software::own_number();
    return software::exchanged(value, own - delta, own % width >= delta);
}
