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

// Does some work in the order of a stream, or has it recorded if the stream is being captured; returns an error of CUDA.
int enqueue(void *stream, Work work);

// Whether kernels compute nothing, so that only the time of the host passes (see `__main__.py`).
extern const bool is_idle;

// Keeps other threads out.
std::unique_lock<std::recursive_mutex> lock();

// Memory of the devices: all of it lies in one range of addresses, with gaps.
char *take_memory(size_t n);
void give_memory_back(char *address, size_t n);

// From now on n bytes of it are in use, and those after them in the same unit are not.
void use_memory(char *address, size_t n);

// Whether n bytes are of a device, and within what was asked for.
bool is_memory(const void *address, size_t n);

// Whether a graph is at work: what it reads from outside may since have become the memory of smaller arrays.
extern bool is_replay;

// Whether they begin in the range of the devices and are not all in use.
bool is_beyond(const void *address, size_t n);

// What is being done on a stream fails.
void failed(const std::string &message);

// What a kernel did wrong; only the first such thing counts.
void fail(const std::string &message);

}  // namespace software
