/* Stands for libcuda.so.1 and libcudart.so where there is no driver: as much as cuDNN asks for while it plans for a
   device that is described to it. Code is "loaded", and nothing is ever run. */
static int load(void **result) { *result = (void *)0x1000; return 0; }

int cuModuleLoadData(void **module) { return load(module); }
int cuModuleGetFunction(void **function) { return load(function); }
int cuLibraryLoadData(void **library) { return load(library); }
int cuLibraryLoadFromFile(void **library) { return load(library); }
int cuLibraryGetKernel(void **kernel) { return load(kernel); }
int cuKernelGetFunction(void **function) { return load(function); }
int cuModuleUnload(void) { return 0; }
int cuLibraryUnload(void) { return 0; }
int cuKernelSetAttribute(void) { return 0; }
int cuKernelGetAttribute(int *value) { *value = 0; return 0; }
int cuOccupancyMaxPotentialClusterSize(int *size) { *size = 8; return 0; }
int cuTensorMapEncodeTiled(void) { return 0; }
int cuTensorMapEncodeIm2col(void) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "there is no driver"; return 0; }
int cuGetErrorName(int error, const char **text) { *text = "NO_DRIVER"; return 0; }

/* 100 is CUDA_ERROR_NO_DEVICE. */
#define ABSENT(name) int name(void) { return 100; }
ABSENT(cuCtxGetCurrent) ABSENT(cuCtxGetLimit) ABSENT(cuCtxPopCurrent) ABSENT(cuCtxPushCurrent) ABSENT(cuStreamGetCtx)
ABSENT(cuLinkCreate) ABSENT(cuLinkAddData) ABSENT(cuLinkComplete) ABSENT(cuLinkDestroy) ABSENT(cuLaunchKernel)
ABSENT(cuLaunchCooperativeKernel) ABSENT(cuLaunchKernelEx) ABSENT(cuDeviceGetCount) ABSENT(cuDeviceGet)

int cudaGetDevice(int *device) { *device = 0; return 0; }
const char *cudaGetErrorString(int error) { return "there is no driver"; }
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    /* cudaDevAttrComputeCapabilityMajor, cudaDevAttrMultiProcessorCount; the rest is asked of the description. */
    *value = attribute == 75 ? CAPABILITY / 10 : attribute == 76 ? CAPABILITY % 10 : attribute == 16 ? 100 : 0;
    return 0;
}
