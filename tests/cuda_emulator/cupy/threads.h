// Runs the threads of a kernel. Where they wait for each other, each has a stack of its own and they take turns:
// a thread runs until a barrier. Otherwise one runs after the other.
#pragma once

namespace emulator {

enum State { RUNS, WAITS_FOR_WARP, WAITS_FOR_BLOCK, ENDED };

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    dim3 index;
    State state;
};

static std::vector<Thread> threads;
static ucontext_t scheduler;
static unsigned current;
static std::string failure;
static void (*body)(void *);
static void *body_argument;

inline void run_body() {
    try {
        body(body_argument);
    } catch (const std::string &message) {
        failure = message;
    }
}

inline void enter_thread() {
    run_body();
    threads[current].state = ENDED;
    swapcontext(&threads[current].context, &scheduler);
}

inline void wait_for(State barrier) {
    Thread &thread = threads[current];
    thread.state = barrier;
    swapcontext(&thread.context, &scheduler);
    threadIdx = thread.index;
}

// Lets the threads [begin, end) go on if all that have not ended wait at one barrier; whether there were any.
inline bool release(unsigned begin, unsigned end, State barrier) {
    bool some = false;
    for (unsigned t = begin; t < end; ++t) {
        if (threads[t].state != barrier && threads[t].state != ENDED)
            return false;
        some |= threads[t].state == barrier;
    }
    for (unsigned t = begin; t < end; ++t)
        if (threads[t].state == barrier)
            threads[t].state = RUNS;
    return some;
}

inline void run_block_together(unsigned n) {
    if (threads.size() < n)
        threads.resize(n);
    for (unsigned t = 0; t < n; ++t) {
        Thread &thread = threads[t];
        thread.stack.resize(1 << 16);
        thread.state = RUNS;
        thread.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, enter_thread, 0);
    }
    // Turns go up in one block and down in the next, so that what depends on their order shows.
    const bool down = blockIdx.x % 2;
    for (bool some = true; some;) {
        for (unsigned i = 0; i < n; ++i) {
            current = down ? n - 1 - i : i;
            if (threads[current].state != RUNS)
                continue;
            threadIdx = threads[current].index;
            swapcontext(&scheduler, &threads[current].context);
            if (!failure.empty())
                return;
        }
        some = false;
        for (unsigned t = 0; t < n; t += warpSize)
            some |= release(t, t + warpSize < n ? t + warpSize : n, WAITS_FOR_WARP);
        some = some || release(0, n, WAITS_FOR_BLOCK);
    }
    for (unsigned t = 0; t < n; ++t)
        if (threads[t].state != ENDED)
            failure = "some threads of a block wait at a barrier that the others do not reach";
}

inline void run_block(unsigned n) {
    for (unsigned i = 0; i < n && failure.empty(); ++i) {
        const unsigned t = blockIdx.x % 2 ? n - 1 - i : i;
        threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        run_body();
    }
}

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
const char *launch(void (*kernel)(Args...), void **arguments, int count, const unsigned *grid, const unsigned *block,
                   bool together) {
    if (count != (int)sizeof...(Args)) {
        failure = "it takes " + std::to_string(sizeof...(Args)) + " arguments, " + std::to_string(count) + " given";
        return failure.c_str();
    }
    Call<Args...> call = {kernel, arguments};
    body = Call<Args...>::run;
    body_argument = &call;
    failure.clear();
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    const unsigned n = block[0] * block[1] * block[2];
    for (unsigned b = 0; b < grid[0] * grid[1] * grid[2] && failure.empty(); ++b) {
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        together ? run_block_together(n) : run_block(n);
    }
    return failure.empty() ? nullptr : failure.c_str();
}

// What the threads of a warp, or of a block, hand to each other.
static char handed[1024][16];

inline unsigned own_number() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

template <typename T> T exchange(T value, unsigned from, bool valid) {
    const unsigned own = own_number(), n = blockDim.x * blockDim.y * blockDim.z;
    memcpy(handed[own], &value, sizeof value);
    wait_for(WAITS_FOR_WARP);
    if (valid && from < n)
        memcpy(&value, handed[from], sizeof value);
    wait_for(WAITS_FOR_WARP);
    return value;
}

inline unsigned ballot(bool value) {
    const unsigned own = own_number(), n = blockDim.x * blockDim.y * blockDim.z, first = own / 32 * 32;
    handed[own][0] = value;
    wait_for(WAITS_FOR_WARP);
    unsigned bits = 0;
    for (unsigned t = first; t < first + 32 && t < n; ++t)
        bits |= (unsigned)(handed[t][0] && threads[t].state != ENDED) << (t - first);
    wait_for(WAITS_FOR_WARP);
    return bits;
}

inline int count(bool value) {
    const unsigned n = blockDim.x * blockDim.y * blockDim.z;
    handed[own_number()][0] = value;
    wait_for(WAITS_FOR_BLOCK);
    int sum = 0;
    for (unsigned t = 0; t < n; ++t)
        sum += handed[t][0] && threads[t].state != ENDED;
    wait_for(WAITS_FOR_BLOCK);
    return sum;
}

}  // namespace emulator

inline void __syncthreads() { emulator::wait_for(emulator::WAITS_FOR_BLOCK); }
inline void __syncwarp(unsigned = ~0u) { emulator::wait_for(emulator::WAITS_FOR_WARP); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline int __syncthreads_count(int value) { return emulator::count(value); }
inline int __syncthreads_or(int value) { return emulator::count(value) > 0; }
inline int __syncthreads_and(int value) { return emulator::count(!value) == 0; }
inline unsigned __ballot_sync(unsigned, int value) { return emulator::ballot(value); }
inline int __any_sync(unsigned, int value) { return emulator::ballot(value) != 0; }
inline int __all_sync(unsigned, int value) { return emulator::ballot(!value) == 0; }

template <typename T> T __shfl_sync(unsigned, T value, int lane, int width = 32) {
    const unsigned own = emulator::own_number();
    return emulator::exchange(value, own / width * width + lane % width, true);
}
template <typename T> T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
    const unsigned own = emulator::own_number(), from = own ^ mask;
    return emulator::exchange(value, from, from / width == own / width);
}
template <typename T> T __shfl_down_sync(unsigned, T value, unsigned delta, int width = 32) {
    const unsigned own = emulator::own_number();
    return emulator::exchange(value, own + delta, own % width + delta < (unsigned)width);
}
template <typename T> T __shfl_up_sync(unsigned, T value, unsigned delta, int width = 32) {
    const unsigned own = emulator::own_number();
    return emulator::exchange(value, own - delta, own % width >= delta);
}
