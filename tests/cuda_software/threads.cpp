// Runs the threads of a kernel. Where they wait for each other, each has a stack of its own and they take turns:
// a thread runs until a barrier. Otherwise one runs after the other.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include "driver.h"
#include "host.h"
#include "threads.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace software {

static const size_t STACK = 1 << 16;  // bytes
static const size_t SAVED = 8;  // words: six registers, where to return to, and what aligns the stack

struct Thread {
    std::unique_ptr<void *[]> stack;
    void *top;  // while it waits
    dim3 index;
    State state;
};

static std::deque<Thread> threads;  // each goes on to the next block
static void *scheduler;
static unsigned current;
static std::string failure;
static void (*body)(void *);
static void *body_argument;
static char handed[1024][16];  // what threads give each other

void fail(const std::string &message) {
    if (failure.empty())
        failure = message;
}

void run_body() {
    try {
        body(body_argument);
    } catch (const std::string &message) {
        fail(message);
    }
}

// Goes on where another stack stopped, and keeps in `from` where this one did. The system's swapcontext also asks the
// kernel for the signals that are blocked, each time, which would take most of the time of all tests of kernels.
extern "C" __attribute__((visibility("hidden"))) void change_stack(void **from, void *to);
asm(".hidden change_stack\n"
    "change_stack:\n"
    "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rsp, (%rdi)\n"
    "mov %rsi, %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
    "ret\n");

void wait_for(State barrier) {
    Thread &thread = threads[current];
    thread.state = barrier;
    change_stack(&thread.top, scheduler);
    threadIdx = thread.index;
}

void enter_thread() {
    threadIdx = threads[current].index;
    for (;;) {
        run_body();
        wait_for(ENDED);
    }
}

void add_thread() {
    const size_t words = STACK / sizeof(void *);
    threads.push_back({std::unique_ptr<void *[]>(new void *[words]), nullptr, {}, ENDED});
    void **top = &threads.back().stack[words - SAVED];
    std::fill_n(top, SAVED, nullptr);
    top[SAVED - 2] = (void *)enter_thread;
    threads.back().top = top;
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

// The thread whose turn is the i-th of n: upwards, downwards, or in both ways the even ones before the odd ones.
unsigned nth(unsigned i, unsigned n, unsigned order) {
    i = order & 1 ? n - 1 - i : i;
    const unsigned even = (n + 1) / 2;
    return order & 2 ? i < even ? 2 * i : 2 * (i - even) + 1 : i;
}

void run_block_together(unsigned n, unsigned order) {
    while (threads.size() < n)
        add_thread();
    for (unsigned t = 0; t < n; ++t) {
        threads[t].state = RUNS;
        threads[t].index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
    }
    for (bool some = true; some;) {
        for (unsigned i = 0; i < n; ++i) {
            current = nth(i, n, order);
            if (threads[current].state != RUNS)
                continue;
            change_stack(&scheduler, threads[current].top);
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
            fail("some threads of a block wait at a barrier that the others do not reach");
}

void run_block(unsigned n, unsigned order) {
    for (unsigned i = 0; i < n && failure.empty(); ++i) {
        const unsigned t = nth(i, n, order);
        threadIdx = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        run_body();
    }
}

const char *run(void (*kernel)(void *), void *call, const unsigned *grid, const unsigned *block, bool together,
                unsigned turn) {
    failure.clear();
    body = kernel;
    body_argument = call;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    // Blocks and threads have another order in each launch, so that what depends on it shows.
    const unsigned n = block[0] * block[1] * block[2], blocks = grid[0] * grid[1] * grid[2];
    for (unsigned i = 0; i < blocks && failure.empty(); ++i) {
        const unsigned b = nth(i, blocks, turn), order = turn + i;
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        together ? run_block_together(n, order) : run_block(n, order);
    }
    if (failure.empty())
        return nullptr;
    threads.clear();  // some of them stopped within the kernel
    return failure.c_str();
}

void fail_at_index(ptrdiff_t i, ptrdiff_t n) {
    throw "index " + std::to_string(i) + " is out of bounds for size " + std::to_string(n);
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

}  // namespace software
