// What the parts of CUDA in software share.
#pragma once
#include <stddef.h>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#define FUNCTION extern "C" __attribute__((visibility("default")))

namespace software {

typedef std::function<void()> Work;

// How the library that was made of a kernel's text describes it.
struct Kernel {
    const char *(*run)(void **arguments, const unsigned *grid, const unsigned *block);
    int count;
    const size_t *sizes;
};

// Does some work in the order of a stream, or has it recorded if the stream is being captured; returns an error of CUDA.
int enqueue(void *stream, Work work);

// Whether kernels compute nothing, so that only the time of the host passes (see `__main__.py`).
extern const bool is_idle;

// Keeps other threads out.
std::unique_lock<std::recursive_mutex> lock();

}  // namespace software
