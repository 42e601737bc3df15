// CUDA's runtime and driver in software: as much of their functions as CuPy calls, on the memory of the host.
//
// What is put on a stream that does not wait for the default stream is done when somebody waits for it, and not before;
// on other streams it is done at once. What CUDA refuses is refused: copies whose addresses are not where they are said
// to be, waiting for a stream that is being captured, and the default stream beside one that does not let it pass. Two
// devices, which have no access to each other's memory.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <map>
#include <set>
#include "driver.h"
#include "host.h"
#include "threads.h"

using software::Work;
typedef int Error;
enum {
    INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_HANDLE = 400,
    ILLEGAL_STATE = 401, NOT_FOUND = 500, LAUNCH_FAILURE = 719, NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901, CAPTURE_IMPLICIT = 906,
};
enum Copy { HOST_TO_HOST, HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE };
const unsigned NON_BLOCKING = 1;
const int RELAXED = 2, DEVICES = 2;
const size_t TOTAL = size_t(80) << 30;

struct Graph { std::vector<Work> work; int mode; bool is_broken; };
struct Stream { unsigned flags; Graph *graph; std::vector<Work> pending; };
struct Event { double milliseconds; Graph *graph; Stream *stream; };
struct Module { void *library; };
struct Allocation { size_t size; int device; };

static std::recursive_mutex mutex;
static thread_local int current_device = 0;
static thread_local Error last_error = 0;
static std::set<Stream *> streams;
static std::set<Event *> events;
static std::map<char *, Allocation> allocations;
static std::map<char *, size_t> pinned;
static size_t used[DEVICES];
static bool has_failed;
static std::string failure;
const bool software::is_idle = getenv("CUDA_SOFTWARE_IDLE") != nullptr;
FUNCTION long launches;
long launches = 0;  // of kernels and graphs

std::unique_lock<std::recursive_mutex> software::lock() { return std::unique_lock<std::recursive_mutex>(mutex); }

static Error said(Error error) {
    if (error)
        last_error = error;
    return error;
}

static Error broken(Graph *graph, Error error) {
    graph->is_broken = true;
    return said(error);
}

static Graph *graph_of(void *stream) {
    return streams.count((Stream *)stream) ? ((Stream *)stream)->graph : nullptr;
}

// What may not be called while any thread captures in a mode other than the relaxed one.
static Error refused_while_capturing() {
    for (Stream *stream : streams)
        if (stream->graph && stream->graph->mode != RELAXED)
            return broken(stream->graph, CAPTURE_UNSUPPORTED);
    return 0;
}

// The default stream waits for the others, which one that is being captured does not allow.
static Error refused_beside_captures() {
    for (Stream *stream : streams)
        if (stream->graph && !(stream->flags & NON_BLOCKING))
            return broken(stream->graph, CAPTURE_IMPLICIT);
    return 0;
}

// Does what is to be done on a stream.
static Error finish(void *stream) {
    if (!streams.count((Stream *)stream))
        return 0;
    std::vector<Work> pending;
    pending.swap(((Stream *)stream)->pending);
    has_failed = false;
    for (Work &work : pending)
        work();
    return said(has_failed ? LAUNCH_FAILURE : 0);
}

static Error finish_all() {
    Error error = 0;
    for (Stream *stream : streams)
        error = error ? error : finish(stream);
    return error;
}

int software::enqueue(void *stream, Work work) {
    const bool is_default = (size_t)stream <= 2;
    if (!is_default && !streams.count((Stream *)stream))
        return said(INVALID_HANDLE);
    if (Error error = is_default ? refused_beside_captures() : 0)
        return error;
    if (Graph *graph = graph_of(stream)) {
        graph->work.push_back(work);
        return 0;
    }
    if (!is_default && ((Stream *)stream)->flags & NON_BLOCKING && !is_idle) {
        ((Stream *)stream)->pending.push_back(work);
        return 0;
    }
    has_failed = false;
    work();
    return said(has_failed ? LAUNCH_FAILURE : 0);
}

void software::failed(const std::string &message) {
    failure = message;
    has_failed = true;
}

static double milliseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static size_t size_of(const Allocation &allocation) { return allocation.size; }
static size_t size_of(size_t size) { return size; }

// What of some memory holds n bytes at an address.
template <typename T> static const T *found(const std::map<char *, T> &memory, const void *address, size_t n) {
    auto next = memory.upper_bound((char *)address);
    if (next == memory.begin())
        return nullptr;
    --next;
    return (char *)address + n <= next->first + size_of(next->second) ? &next->second : nullptr;
}
static const Allocation *allocation_of(const void *address, size_t n) { return found(allocations, address, n); }

static Error copied(void *target, const void *source, size_t n, int kind, void *stream) {
    const bool to_device = kind == HOST_TO_DEVICE || kind == DEVICE_TO_DEVICE;
    const bool from_device = kind == DEVICE_TO_HOST || kind == DEVICE_TO_DEVICE;
    if (n && kind <= DEVICE_TO_DEVICE && (to_device != (allocation_of(target, n) != nullptr) ||
                                          from_device != (allocation_of(source, n) != nullptr)))
        return said(INVALID_VALUE);
    // What was not computed is read as zeros.
    Error error = software::enqueue(stream, [=] {
        if (!software::is_idle || kind < DEVICE_TO_HOST)
            memmove(target, source, n);
        else if (kind == DEVICE_TO_HOST)
            memset(target, 0, n);
    });
    const bool waits = (!to_device && !found(pinned, target, n)) || (!from_device && !found(pinned, source, n));
    return error || !waits || graph_of(stream) ? error : finish(stream);
}

FUNCTION const char *cudaGetErrorName(Error error) {
    switch (error) {
        case 0: return "cudaSuccess";
        case INVALID_VALUE: return "cudaErrorInvalidValue";
        case OUT_OF_MEMORY: return "cudaErrorMemoryAllocation";
        case INVALID_DEVICE: return "cudaErrorInvalidDevice";
        case INVALID_IMAGE: return "cudaErrorInvalidKernelImage";
        case INVALID_HANDLE: return "cudaErrorInvalidResourceHandle";
        case ILLEGAL_STATE: return "cudaErrorIllegalState";
        case NOT_FOUND: return "cudaErrorSymbolNotFound";
        case LAUNCH_FAILURE: return "cudaErrorLaunchFailure";
        case CAPTURE_UNSUPPORTED: return "cudaErrorStreamCaptureUnsupported";
        case CAPTURE_INVALIDATED: return "cudaErrorStreamCaptureInvalidated";
        case CAPTURE_IMPLICIT: return "cudaErrorStreamCaptureImplicit";
        default: return "cudaErrorNotSupported";
    }
}
FUNCTION const char *cudaGetErrorString(Error error) {
    return error == LAUNCH_FAILURE ? failure.c_str() : error == OUT_OF_MEMORY ? "out of memory" : error == INVALID_DEVICE ? "invalid device ordinal" :
        error == CAPTURE_UNSUPPORTED ? "operation not permitted when stream is capturing" : "refused by CUDA in software";
}
FUNCTION Error cudaGetLastError() { Error error = last_error; last_error = 0; return error; }
FUNCTION Error cudaPeekAtLastError() { return last_error; }
FUNCTION Error not_supported() { return said(NOT_SUPPORTED); }

FUNCTION Error cudaDriverGetVersion(int *version) { *version = 12090; return 0; }
FUNCTION Error cudaRuntimeGetVersion(int *version) { *version = 12090; return 0; }
FUNCTION Error cudaGetDeviceCount(int *count) { *count = DEVICES; return 0; }
FUNCTION Error cudaGetDevice(int *device) { *device = current_device; return 0; }
FUNCTION Error cudaSetDevice(int device) {
    if (device < 0 || device >= DEVICES)
        return said(INVALID_DEVICE);
    current_device = device;
    return 0;
}
FUNCTION Error cudaDeviceGetAttribute(int *value, int attribute, int device) {
    if (device < 0 || device >= DEVICES)
        return said(INVALID_DEVICE);
    switch (attribute) {
        case 1: *value = 1024; break;  // threads in a block
        case 8: *value = 49152; break;  // bytes of shared memory in a block
        case 10: *value = 32; break;  // threads in a warp
        case 16: *value = 132; break;  // multiprocessors
        case 39: *value = 2048; break;  // threads on each
        case 75: *value = 9; break;  // compute capability
        default: *value = 0;
    }
    return 0;
}
FUNCTION Error cudaGetDeviceProperties_v2(void *properties, int device) {
    // The first entries of CUDA's structure of 1032 bytes.
    struct { char name[256], ids[32]; size_t memory, shared; int registers, warp; } first = {
        "CUDA in software", "", TOTAL, 49152, 65536, 32};
    if (device < 0 || device >= DEVICES)
        return said(INVALID_DEVICE);
    memset(properties, 0, 1032);
    memcpy(properties, &first, sizeof first);
    return 0;
}
FUNCTION Error cudaDeviceCanAccessPeer(int *value, int, int) { *value = 0; return 0; }
FUNCTION Error cudaDeviceSynchronize() {
    auto held = software::lock();
    for (Stream *stream : streams)
        if (stream->graph)
            return broken(stream->graph, CAPTURE_UNSUPPORTED);
    return finish_all();
}

FUNCTION Error cudaMalloc(void **address, size_t n) {
    auto held = software::lock();
    if (Error error = refused_while_capturing())
        return error;
    if (used[current_device] + n > TOTAL || !(*address = software::take_memory(n)))
        return said(OUT_OF_MEMORY);
    used[current_device] += n;
    allocations[(char *)*address] = {n, current_device};
    return 0;
}
FUNCTION Error cudaFree(void *address) {
    auto held = software::lock();
    auto found = allocations.find((char *)address);
    if (found == allocations.end())
        return said(address ? INVALID_VALUE : 0);
    if (Error error = refused_while_capturing())
        return error;
    Error error = finish_all();
    used[found->second.device] -= found->second.size;
    software::give_memory_back(found->first, found->second.size);
    allocations.erase(found);
    return error;
}
FUNCTION Error cudaHostAlloc(void **address, size_t n, unsigned) {
    auto held = software::lock();
    if (Error error = refused_while_capturing())
        return error;
    *address = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    pinned[(char *)*address] = n;
    return 0;
}
FUNCTION Error cudaFreeHost(void *address) {
    auto held = software::lock();
    Error error = finish_all();
    pinned.erase((char *)address);
    free(address);
    return error;
}
FUNCTION Error cudaMemGetInfo(size_t *unused, size_t *total) {
    *total = TOTAL;
    *unused = TOTAL - used[current_device];
    return 0;
}
FUNCTION Error cudaPointerGetAttributes(void *attributes, const void *address) {
    struct { int type, device; const void *on_device, *on_host; } result = {0, 0, address, nullptr};
    auto held = software::lock();
    if (const Allocation *found = allocation_of(address, 0))
        result.type = 2, result.device = found->device;
    memcpy(attributes, &result, sizeof result);
    return 0;
}

FUNCTION Error cudaMemcpyAsync(void *target, const void *source, size_t n, int kind, void *stream) {
    auto held = software::lock();
    return copied(target, source, n, kind, stream);
}
FUNCTION Error cudaMemcpy(void *target, const void *source, size_t n, int kind) {
    auto held = software::lock();
    Error error = refused_while_capturing();
    return error ? error : copied(target, source, n, kind, nullptr);
}
FUNCTION Error cudaMemcpyPeerAsync(void *target, int, const void *source, int, size_t n, void *stream) {
    auto held = software::lock();
    return copied(target, source, n, DEVICE_TO_DEVICE, stream);
}
FUNCTION Error cudaMemcpyPeer(void *target, int, const void *source, int, size_t n) {
    return cudaMemcpy(target, source, n, DEVICE_TO_DEVICE);
}
FUNCTION Error cudaMemsetAsync(void *target, int value, size_t n, void *stream) {
    auto held = software::lock();
    if (n && !allocation_of(target, n))
        return said(INVALID_VALUE);
    return software::enqueue(stream, [=] { memset(target, value, n); });
}
FUNCTION Error cudaMemset(void *target, int value, size_t n) { return cudaMemsetAsync(target, value, n, nullptr); }

FUNCTION Error cudaStreamCreateWithFlags(void **stream, unsigned flags) {
    auto held = software::lock();
    *stream = *streams.insert(new Stream{flags, nullptr, {}}).first;
    return 0;
}
FUNCTION Error cudaStreamCreateWithPriority(void **stream, unsigned flags, int) {
    return cudaStreamCreateWithFlags(stream, flags);
}
FUNCTION Error cudaStreamDestroy(void *stream) {
    auto held = software::lock();
    Error error = finish(stream);
    for (Event *event : events)
        event->stream = event->stream == stream ? nullptr : event->stream;
    streams.erase((Stream *)stream);
    delete (Stream *)stream;
    return error;
}
FUNCTION Error cudaStreamSynchronize(void *stream) {
    auto held = software::lock();
    if (Graph *graph = graph_of(stream))
        return broken(graph, CAPTURE_UNSUPPORTED);
    Error error = refused_while_capturing();
    return error ? error : finish(stream);
}
FUNCTION Error cudaStreamQuery(void *stream) { return cudaStreamSynchronize(stream); }
FUNCTION Error cudaStreamWaitEvent(void *stream, void *event, unsigned) {
    auto held = software::lock();
    if (((Event *)event)->graph && streams.count((Stream *)stream))
        ((Stream *)stream)->graph = ((Event *)event)->graph;  // it takes part in the capture
    else
        return finish(((Event *)event)->stream);
    return 0;
}
FUNCTION Error cudaStreamGetFlags(void *stream, unsigned *flags) {
    auto held = software::lock();
    *flags = streams.count((Stream *)stream) ? ((Stream *)stream)->flags : 0;
    return 0;
}
FUNCTION Error cudaStreamGetPriority(void *, int *priority) { *priority = 0; return 0; }
FUNCTION Error cudaStreamBeginCapture(void *stream, int mode) {
    auto held = software::lock();
    if (!streams.count((Stream *)stream))
        return said(CAPTURE_UNSUPPORTED);
    if (graph_of(stream))
        return said(ILLEGAL_STATE);
    ((Stream *)stream)->graph = new Graph{{}, mode, false};
    return 0;
}
FUNCTION Error cudaStreamEndCapture(void *stream, void **result) {
    auto held = software::lock();
    Graph *graph = graph_of(stream);
    if (!graph)
        return said(ILLEGAL_STATE);
    for (Stream *each : streams)
        each->graph = each->graph == graph ? nullptr : each->graph;
    for (Event *event : events)
        event->graph = event->graph == graph ? nullptr : event->graph;
    *result = graph->is_broken ? nullptr : graph;
    return said(graph->is_broken ? CAPTURE_INVALIDATED : 0);
}
FUNCTION Error cudaStreamIsCapturing(void *stream, int *status) {
    auto held = software::lock();
    Graph *graph = graph_of(stream);
    *status = !graph ? 0 : graph->is_broken ? 2 : 1;
    return 0;
}

FUNCTION Error cudaGraphInstantiate(void **result, void *graph, unsigned long long) {
    *result = new Graph(*(Graph *)graph);
    return 0;
}
FUNCTION Error cudaGraphDestroy(void *graph) { delete (Graph *)graph; return 0; }
FUNCTION Error cudaGraphExecDestroy(void *graph) { delete (Graph *)graph; return 0; }
FUNCTION Error cudaGraphUpload(void *, void *) { return 0; }
FUNCTION Error cudaGraphLaunch(void *graph, void *stream) {
    auto held = software::lock();
    ++launches;
    return software::enqueue(stream, [=] {
        software::is_replay = true;
        for (Work &work : ((Graph *)graph)->work)
            work();
        software::is_replay = false;
    });
}
// What is done on a stream from now on may use n bytes, and no more in the same unit.
FUNCTION void use_memory(void *stream, char *address, size_t n) {
    auto held = software::lock();
    Graph *graph = graph_of(stream);
    if (graph || (streams.count((Stream *)stream) && !((Stream *)stream)->pending.empty()))
        (graph ? graph->work : ((Stream *)stream)->pending).push_back([=] { software::use_memory(address, n); });
    else
        software::use_memory(address, n);
}
// For a library in Python, which computes at once: has a graph do some work if it captures the stream; whether it does.
FUNCTION bool capture(void *stream, void (*work)()) {
    auto held = software::lock();
    Graph *graph = graph_of(stream);
    if (graph)
        graph->work.push_back(work);
    else
        finish(stream);
    return graph;
}

FUNCTION Error cudaEventCreateWithFlags(void **event, unsigned) {
    auto held = software::lock();
    *event = *events.insert(new Event{0, nullptr, nullptr}).first;
    return 0;
}
FUNCTION Error cudaEventCreate(void **event) { return cudaEventCreateWithFlags(event, 0); }
FUNCTION Error cudaEventDestroy(void *event) {
    auto held = software::lock();
    events.erase((Event *)event);
    delete (Event *)event;
    return 0;
}
FUNCTION Error cudaEventRecord(void *event, void *stream) {
    auto held = software::lock();
    *(Event *)event = {milliseconds(), graph_of(stream), (Stream *)stream};
    return 0;
}
FUNCTION Error cudaEventSynchronize(void *event) {
    auto held = software::lock();
    if (Graph *graph = ((Event *)event)->graph)
        return broken(graph, CAPTURE_UNSUPPORTED);
    Error error = refused_while_capturing();
    return error ? error : finish(((Event *)event)->stream);
}
FUNCTION Error cudaEventQuery(void *event) { return cudaEventSynchronize(event); }
FUNCTION Error cudaEventElapsedTime(float *result, void *start, void *end) {
    *result = ((Event *)end)->milliseconds - ((Event *)start)->milliseconds;
    return 0;
}

// The driver: modules are libraries, of which `kernel.h` says how they describe their kernels.
FUNCTION Error cuGetErrorName(Error error, const char **text) { *text = cudaGetErrorName(error); return 0; }
FUNCTION Error cuGetErrorString(Error error, const char **text) { *text = cudaGetErrorString(error); return 0; }
FUNCTION Error cuCtxGetCurrent(void **context) { *context = (void *)(size_t)(current_device + 1); return 0; }
FUNCTION Error cuModuleLoadData(void **module, const void *path) {
    void *library = dlopen((const char *)path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    *module = new Module{library};
    return library ? 0 : INVALID_IMAGE;
}
FUNCTION Error cuModuleUnload(void *) { return 0; }
FUNCTION Error cuModuleGetFunction(void **function, void *module, const char *name) {
    *function = dlsym(((Module *)module)->library, (std::string("kernel_") + name).c_str());
    return *function ? 0 : NOT_FOUND;
}
FUNCTION int number_of_arguments(void *function) { return ((software::Kernel *)function)->count; }
FUNCTION Error cuFuncGetAttribute(int *value, int attribute, void *) { *value = attribute ? 0 : 1024; return 0; }
FUNCTION Error cuFuncSetAttribute(void *, int, int) { return 0; }
FUNCTION Error cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                              unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **arguments,
                              void **) {
    auto held = software::lock();
    const uint64_t threads = (uint64_t)block_x * block_y * block_z;
    if (!grid_x || !grid_y || !grid_z || !threads || threads > 1024 || grid_y > 65535 || grid_z > 65535 || shared > 49152)
        return said(INVALID_VALUE);
    ++launches;
    if (software::is_idle && !graph_of(stream))
        return 0;
    const software::Kernel &kernel = *(software::Kernel *)function;
    std::vector<std::string> copies;  // the caller's are gone when a graph is launched
    for (int i = 0; i < kernel.count; ++i)
        copies.emplace_back((char *)arguments[i], kernel.sizes[i]);
    return software::enqueue(stream, [=]() mutable {
        if (software::is_idle)
            return;
        std::vector<void *> pointers;
        for (std::string &copy : copies)
            pointers.push_back(&copy[0]);
        const unsigned grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
        if (const char *message = kernel.run(pointers.data(), grid, block))
            software::failed(std::string("kernel ") + kernel.name + ": " + message);
    });
}
