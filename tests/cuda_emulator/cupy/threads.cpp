// Runs the threads of a kernel. Where they wait for each other, each has a stack of its own and they take turns:
// a thread runs until a barrier. Otherwise one runs after the other.
#include "host.h"
#include "threads.h"
#include <string>
#include <vector>
#include <ucontext.h>

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

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
static char handed[1024][16];  // what threads give each other

void run_body() {
    try {
        body(body_argument);
    } catch (const std::string &message) {
        failure = message;
    }
}

void enter_thread() {
    run_body();
    threads[current].state = ENDED;
    swapcontext(&threads[current].context, &scheduler);
}

void wait_for(State barrier) {
    Thread &thread = threads[current];
    thread.state = barrier;
    swapcontext(&thread.context, &scheduler);
    threadIdx = thread.index;
}

// Lets the threads [begin, end) go on if all that have not ended wait at one barrier; whether there were any.
bool release(unsigned begin, unsigned end, State barrier) {
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

void run_block_together(unsigned n) {
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

void run_block(unsigned n) {
    for (unsigned i = 0; i < n && failure.empty(); ++i) {
        const unsigned t = blockIdx.x % 2 ? n - 1 - i : i;
        threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        run_body();
    }
}

const char *run(void (*kernel)(void *), void *call, int expected, int given, const unsigned *grid,
                const unsigned *block, bool together) {
    failure.clear();
    if (given != expected)
        failure = "it takes " + std::to_string(expected) + " arguments, " + std::to_string(given) + " given";
    body = kernel;
    body_argument = call;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    const unsigned n = block[0] * block[1] * block[2];
    for (unsigned b = 0; b < grid[0] * grid[1] * grid[2] && failure.empty(); ++b) {
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        together ? run_block_together(n) : run_block(n);
    }
    return failure.empty() ? nullptr : failure.c_str();
}

void fail_at_index(ptrdiff_t i, ptrdiff_t n) {
    throw "index " + std::to_string(i) + " is out of bounds for size " + std::to_string(n);
}

void fail_at_axes(int n, ptrdiff_t ndim) {
    throw "an index of " + std::to_string(n) + " axes for an array of " + std::to_string(ndim);
}

static unsigned own_warp_end() {
    const unsigned n = blockDim.x * blockDim.y * blockDim.z, end = own_number() / 32 * 32 + 32;
    return end < n ? end : n;
}

void exchange(void *value, size_t size, unsigned from, bool valid) {
    const unsigned n = blockDim.x * blockDim.y * blockDim.z;
    memcpy(handed[own_number()], value, size);
    wait_for(WAITS_FOR_WARP);
    if (valid && from < n)
        memcpy(value, handed[from], size);
    wait_for(WAITS_FOR_WARP);
}

unsigned ballot(bool value) {
    const unsigned first = own_number() / 32 * 32, end = own_warp_end();
    handed[own_number()][0] = value;
    wait_for(WAITS_FOR_WARP);
    unsigned bits = 0;
    for (unsigned t = first; t < end; ++t)
        bits |= (unsigned)(handed[t][0] && threads[t].state != ENDED) << (t - first);
    wait_for(WAITS_FOR_WARP);
    return bits;
}

int count(bool value) {
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
