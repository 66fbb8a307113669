// A driver that checks what it is told, writes it down (unless it is compiled to be silent), and moves memory, up to a size that is worth waiting for. It runs no kernels.
#include <stdarg.h>
#include "stub.h"

typedef struct { char name[64]; int parameter_bytes, allowed; } function;
typedef struct { int timed; double at; } event;
typedef struct { void* address; size_t bytes; } block;

enum { OK = 0, INVALID = 1, OUT_OF_MEMORY = 2, INVALID_PTX = 218, NOT_FOUND = 500, NOT_READY = 600, UNSUPPORTED = 900 };

static char log_text[1 << 20], failing[64];
static int fail_status, current_context, streams, capturing;
static size_t log_length, in_use, memory = 1 << 28;
static double now;
static block blocks[4096];
static char* modules[1024];
static int module_count;

#define SHORT(bytes) ((bytes) <= (size_t)64 << 20)

__attribute__((constructor)) static void start(void) { if (getenv("STUB_MEMORY")) memory = strtoull(getenv("STUB_MEMORY"), 0, 10); }

const char* stub_log(void) { return log_text; }
void stub_clear(void) { log_text[log_length = 0] = 0; failing[0] = 0; }
void stub_fail(const char* name, int status) { snprintf(failing, sizeof failing, "%s", name); fail_status = status; }
void stub_memory(size_t bytes) { memory = bytes; }
size_t stub_in_use(void) { return in_use; }

static void note(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (log_length + 1024 < sizeof log_text) log_length += vsnprintf(log_text + log_length, 1024, format, arguments);
    if (log_length + 2 < sizeof log_text) { log_text[log_length++] = '\n'; log_text[log_length] = 0; }
    va_end(arguments);
}

#ifdef SILENT
#define note(...) ((void)0)
#endif

#define ENTER if (!strcmp(failing, __func__)) { failing[0] = 0; return fail_status; }
#define NEED(condition) if (!(condition)) { note("%s: %s is false", __func__, #condition); return INVALID; }

#define UNCAPTURED if (capturing) { note("%s while a stream is captured", __func__); return UNSUPPORTED; }

int cuInit(unsigned flags) { ENTER NEED(flags == 0) return OK; }
int cuDriverGetVersion(int* version) { *version = 13000; return OK; }
int cuGetErrorName(int status, const char** text) {
    *text = status == INVALID ? "CUDA_ERROR_INVALID_VALUE" : status == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : status == INVALID_PTX ? "CUDA_ERROR_INVALID_PTX"
        : status == NOT_FOUND ? "CUDA_ERROR_NOT_FOUND" : status == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : status == UNSUPPORTED ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" : NULL;
    return *text ? OK : INVALID;
}
int cuGetErrorString(int status, const char** text) {
    *text = status == INVALID ? "invalid argument" : status == OUT_OF_MEMORY ? "out of memory" : status == INVALID_PTX ? "a PTX JIT compilation failed"
        : status == NOT_FOUND ? "named symbol not found" : status == 700 ? "an illegal memory access was encountered" : status == UNSUPPORTED ? "operation not permitted when stream is capturing" : NULL;
    return *text ? OK : INVALID;
}

int cuDeviceGetCount(int* count) { *count = 2; return OK; }
int cuDeviceGet(int* device, int ordinal) { NEED(ordinal >= 0 && ordinal < 2) *device = 40 + ordinal; return OK; }
int cuDeviceGetName(char* name, int length, int device) { NEED(length >= 9 && device >= 40) snprintf(name, length, "Stub GPU %d", device - 40); return OK; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { NEED(device >= 40) *bytes = memory; return OK; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    NEED(device >= 40)
    switch (attribute) {
        case 1: *value = 1024; break;
        case 8: *value = 49152; break;
        case 13: *value = 1755000; break;
        case 16: *value = 132; break;
        case 38: *value = 52428800; break;
        case 39: *value = 2048; break;
        case 75: *value = device == 40 ? 9 : 7; break;
        case 76: *value = device == 40 ? 0 : 5; break;
        case 81: *value = 233472; break;
        case 82: *value = 65536; break;
        case 97: *value = 232448; break;
        case 115: *value = 1; break;
        default: return INVALID;
    }
    return OK;
}
int cuDeviceComputeCapability(int* major, int* minor, int device) { NEED(device >= 40) *major = device == 40 ? 9 : 7; *minor = device == 40 ? 0 : 5; return OK; }
int cuDevicePrimaryCtxRetain(void** context, int device) { NEED(device == 40) *context = (void*)0xC0; return OK; }
int cuDevicePrimaryCtxRelease_v2(int device) {          // nobody else holds it: its memory goes with it
    NEED(device == 40)
    for (int i = 0; i < 4096; i++) {
        free(blocks[i].address);
        blocks[i].address = NULL;
    }
    in_use = 0;
    note("release");
    return OK;
}
int cuCtxSetCurrent(void* context) { NEED(context == (void*)0xC0) current_context = 1; note("current"); return OK; }

int cuModuleLoadDataEx(void** module, const char* image, unsigned count, const int* options, void** values) {
    ENTER NEED(current_context && count == 2 && options[0] == 5 && options[1] == 6 && (size_t)values[1] >= 1024)
    size_t length = strlen(image);
    note("module of %zu bytes", length);
    if (strncmp(image, "//", 2) && strncmp(image, ".version", 8)) {
        snprintf(values[0], (size_t)values[1], "ptxas error: line 1: expected .version\n");
        return INVALID_PTX;
    }
    NEED(module_count < 1024)
    *module = modules[module_count++] = strdup(image);
    return OK;
}
int cuModuleUnload(void* module) { return OK; }
int cuModuleGetFunction(function** f, void* module, const char* name) {
    ENTER
    int known = 0;
    for (int i = 0; i < module_count; i++) known |= module == modules[i];
    NEED(known)
    char entry[96], parameter[96];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    snprintf(parameter, sizeof parameter, "%s_param_0[", name);
    const char* at = strstr(module, parameter);
    if (!strstr(module, entry) || !at) return NOT_FOUND;
    *f = calloc(1, sizeof **f);
    snprintf((*f)->name, sizeof (*f)->name, "%s", name);
    (*f)->parameter_bytes = atoi(at + strlen(parameter));
    (*f)->allowed = 49152;
    return OK;
}
int cuFuncGetAttribute(int* value, int attribute, function* f) {
    NEED(f && (attribute == 0 || attribute == 1 || attribute == 3 || attribute == 4 || attribute == 8))
    *value = attribute == 0 ? 256 : attribute == 8 ? f->allowed : attribute == 1 ? 1024 : attribute == 3 ? 16 : 40;
    return OK;
}
int cuFuncSetAttribute(function* f, int attribute, int value) {
    ENTER NEED(f && attribute == 8 && value <= 232448)
    note("%s may use %d dynamic bytes", f->name, value);
    f->allowed = value;
    return OK;
}
int cuLaunchKernel(function* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void* stream, void** parameters, void** extra) {
    ENTER NEED(current_context && f && IS_STREAM(stream) && !extra && gx && gy && gz && gy <= 65535 && gz <= 65535 && bx * by * bz <= 1024 && (int)shared <= f->allowed)
#ifndef SILENT
    char bytes[2 * 256 + 1] = "";
    for (int i = 0; i < f->parameter_bytes && i < 256; i++) snprintf(bytes + 2 * i, 3, "%02x", ((unsigned char*)parameters[0])[i]);
    note("%s %s grid %u %u %u block %u %u %u shared %u stream %d parameter %s", capturing ? "capture" : "launch", f->name, gx, gy, gz, bx, by, bz, shared, (int)((uintptr_t)stream - STREAMS), bytes);
#endif
    return OK;
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) { *free_bytes = memory - in_use; *total = memory; return OK; }
int cuMemAllocAsync(uint64_t* address, size_t bytes, void* stream) {
    ENTER UNCAPTURED NEED(current_context && bytes && IS_STREAM(stream))
    if (in_use + bytes > memory) { note("no room for %zu", bytes); return OUT_OF_MEMORY; }
    int i = 0;
    while (blocks[i].address) i++;
    blocks[i] = (block){ aligned_alloc(512, (bytes + 511) / 512 * 512), bytes };
    in_use += bytes;
    *address = (uint64_t)blocks[i].address + AWAY;
    note("allocate %zu", bytes);
    return OK;
}
int cuMemFreeAsync(uint64_t address, void* stream) {
    UNCAPTURED NEED(IS_STREAM(stream))
    for (int i = 0; i < 4096; i++)
        if (blocks[i].address && blocks[i].address == HOST(address)) {
            in_use -= blocks[i].bytes;
            note("free %zu", blocks[i].bytes);
            free(blocks[i].address);
            blocks[i].address = NULL;
            return OK;
        }
    return INVALID;
}
static int inside(uint64_t address, size_t bytes) {
    for (int i = 0; i < 4096; i++)
        if (blocks[i].address && (char*)HOST(address) >= (char*)blocks[i].address && (char*)HOST(address) + bytes <= (char*)blocks[i].address + blocks[i].bytes) return 1;
    return 0;
}
int cuDeviceGetDefaultMemPool(void** pool, int device) { NEED(device == 40) *pool = (void*)0xF00; return OK; }
int cuMemPoolSetAttribute(void* pool, int attribute, uint64_t* value) { NEED(pool == (void*)0xF00 && attribute == 4 && *value == UINT64_MAX) return OK; }
int cuMemPoolGetAttribute(void* pool, int attribute, uint64_t* value) { NEED(pool == (void*)0xF00 && attribute == 4) *value = UINT64_MAX; return OK; }
int cuMemPoolTrimTo(void* pool, size_t keep) { NEED(pool == (void*)0xF00 && keep == 0) note("trim"); return OK; }
int cuMemHostAlloc(void** address, size_t bytes, unsigned flags) { ENTER UNCAPTURED NEED(flags == 0) *address = malloc(bytes); note("pin %zu", bytes); return OK; }
int cuMemFreeHost(void* address) { UNCAPTURED free(address); return OK; }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
    ENTER NEED(inside(to, bytes) && IS_STREAM(stream))
    memcpy(HOST(to), from, bytes);
    note("to device %zu stream %d", bytes, (int)((uintptr_t)stream - STREAMS));
    return OK;
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
    ENTER NEED(inside(from, bytes) && IS_STREAM(stream))
    memcpy(to, HOST(from), bytes);
    note("to host %zu stream %d", bytes, (int)((uintptr_t)stream - STREAMS));
    return OK;
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
    NEED(inside(from, bytes) && inside(to, bytes) && IS_STREAM(stream))
    if (SHORT(bytes)) memmove(HOST(to), HOST(from), bytes);
    note("within %zu stream %d", bytes, (int)((uintptr_t)stream - STREAMS));
    return OK;
}
int cuMemsetD8Async(uint64_t at, unsigned char value, size_t count, void* stream) { NEED(inside(at, count) && IS_STREAM(stream)) if (SHORT(count)) memset(HOST(at), value, count); note("fill %zu with %u", count, value); return OK; }
int cuMemsetD32Async(uint64_t at, unsigned value, size_t count, void* stream) {
    NEED(inside(at, 4 * count) && at % 4 == 0 && IS_STREAM(stream))
    for (size_t i = 0; i < count; i++) ((unsigned*)HOST(at))[i] = value;
    note("fill %zu words with %u", count, value);
    return OK;
}

int cuStreamCreateWithPriority(void** stream, unsigned flags, int priority) { NEED(current_context && flags == 1 && priority == 0) *stream = (void*)(uintptr_t)(STREAMS + streams++ % 60 + 1); return OK; }
int cuStreamDestroy_v2(void* stream) { NEED(IS_STREAM(stream)) return OK; }
int cuStreamSynchronize(void* stream) { ENTER UNCAPTURED NEED(IS_STREAM(stream)) note("synchronize %d", (int)((uintptr_t)stream - STREAMS)); return OK; }
int cuStreamQuery(void* stream) { ENTER UNCAPTURED NEED(IS_STREAM(stream)) return OK; }
int cuStreamWaitEvent(void* stream, event* e, unsigned flags) { NEED(IS_STREAM(stream) && e && flags == 0) note("stream %d waits", (int)((uintptr_t)stream - STREAMS)); return OK; }
int cuEventCreate(event** e, unsigned flags) { NEED(flags == 0 || flags == 2) *e = calloc(1, sizeof **e); (*e)->timed = flags == 0; return OK; }
int cuEventDestroy_v2(event* e) { free(e); return OK; }
int cuEventRecord(event* e, void* stream) { NEED(e && IS_STREAM(stream)) e->at = now += 0.5; return OK; }
int cuEventQuery(event* e) { ENTER return OK; }
int cuEventSynchronize(event* e) { ENTER UNCAPTURED NEED(e) return OK; }
int cuEventElapsedTime(float* milliseconds, event* from, event* to) { NEED(from->timed && to->timed && from->at && to->at) *milliseconds = (float)(to->at - from->at); return OK; }

int cuStreamBeginCapture_v2(void* stream, int mode) { NEED(IS_STREAM(stream) && mode == 1 && !capturing) capturing = 1; note("begin capture"); return OK; }
int cuStreamEndCapture(void* stream, void** graph) { NEED(IS_STREAM(stream) && capturing) capturing = 0; *graph = (void*)0x6AF; note("end capture"); return OK; }
int cuGraphInstantiateWithFlags(void** instance, void* graph, uint64_t flags) { NEED(graph == (void*)0x6AF && flags == 0) *instance = (void*)0x6B0; note("instantiate"); return OK; }
int cuGraphLaunch(void* instance, void* stream) { NEED(instance == (void*)0x6B0 && IS_STREAM(stream)) note("launch graph"); return OK; }
int cuGraphDestroy(void* graph) { NEED(graph == (void*)0x6AF) note("destroy graph"); return OK; }
int cuGraphExecDestroy(void* instance) { NEED(instance == (void*)0x6B0) note("destroy instance"); return OK; }
