"""Has the real cuDNN plan graphs that the stand-in kept, for a device that is described and need not be there.

    python plan_graphs.py CAPABILITY FILE...

prints a line of JSON for each file: its name, and why cuDNN does not compute the graph, or null. `test_cudnn_plans.py`
lays out what it needs.
"""
import json
import sys
from pathlib import Path

import cudnn

# What cudaGetDeviceProperties says of an A100 and of an H100.
_COMMON = dict(maxGridSize=[2147483647, 65535, 65535], maxBlockSize=[1024, 1024, 64], regsPerBlock=65536,
               smCountOrigin=0, warpSize=32, maxSharedMemoryPerBlock=49152, oversizedSharedMemoryPerBlock=0,
               reservedSharedMemoryPerBlock=1024, maxRegistersPerSM=65536, maxCtasPerSM=32, maxThreadsPerBlock=1024,
               maxThreadsPerSM=2048, pciDeviceId=0, isTccDriver=1, supportCoopLaunch=1, memoryBusWidth=5120,
               cudaDeviceId=0, driverVer=13000)
DEVICES = {
    80: dict(_COMMON, deviceVer=800, deviceName='NVIDIA A100-SXM4-80GB', multiProcessorCount=108,
             maxSharedMemoryPerBlockOptin=166912, totalGlobalMem=85 * 10 ** 9, smClockRateKHz=1410000,
             memClockRateKHz=1593000, l2CacheSize=41943040),
    90: dict(_COMMON, deviceVer=900, deviceName='NVIDIA H100 80GB HBM3', multiProcessorCount=132,
             maxSharedMemoryPerBlockOptin=232448, totalGlobalMem=85 * 10 ** 9, smClockRateKHz=1980000,
             memClockRateKHz=2619000, l2CacheSize=52428800),
}


def plan(calls, device):
    """Describes a graph as the calls say, and has it planned; raises what cuDNN raises."""
    graph = cudnn.pygraph(intermediate_data_type=cudnn.data_type.FLOAT, compute_data_type=cudnn.data_type.FLOAT,
                          device_property=device)
    tensors, filters = [], []
    for name, *args in calls:
        if name == 'tensor':
            tensors.append(graph.tensor(**{**args[0], 'data_type': cudnn.data_type.__members__[args[0]['data_type']]}))
        elif name.startswith('set_'):
            number, value = args
            value = cudnn.data_type.__members__[value] if name == 'set_data_type' else value
            getattr(tensors[number], name)(value)
        elif name.startswith('deselect_'):
            filters.append((name, [cudnn.numerical_note.__members__[note] for note in args[0]]
                            if name == 'deselect_numeric_notes' else args[0]))
        else:
            result = getattr(graph, name)(**{key: tensors[value['tensor']] if isinstance(value, dict) else value
                                             for key, value in args[0].items()})
            tensors += result if isinstance(result, (list, tuple)) else [result]
    graph.validate()
    graph.build_operation_graph()
    graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
    for name, value in filters:
        getattr(graph, name)(value)
    graph.check_support()
    graph.build_plans(cudnn.build_plan_policy.HEURISTICS_CHOICE)
    return graph.get_workspace_size()


def main(capability, *paths):
    device = cudnn.create_device_properties(json.dumps(DEVICES[int(capability)]))
    print(json.dumps(['version', cudnn.backend_version_string()]), flush=True)
    for path in paths:
        try:
            plan(json.loads(Path(path).read_text()), device)
            reason = None
        except Exception as error:  # whatever it is, the test tells it
            reason = f'{type(error).__name__}: {error}'
        print(json.dumps([path, reason]), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
