"""Compiles CUDA sources with the NVRTC of the environment this runs in. Reads a job as JSON, writes the results as JSON.

{"sources": {name: text}, "headers": {name: text}, "options": [..], "targets": ["compute_80", "sm_90a"]}
-> {"version": "12.8", "results": [{"source": .., "target": .., "ok": .., "log": .., "ptx": .. }]}; ptx is there for
targets named compute_*. Standard library only. It is Python because calling a C library takes `unsafe` in Rust.
"""

import ctypes
import glob
import json
import sys
import sysconfig


def library():
    pattern = sysconfig.get_paths()["purelib"] + "/nvidia/cuda_nvrtc/lib/libnvrtc.so.*"
    found = [path for path in sorted(glob.glob(pattern)) if "builtins" not in path and ".alt." not in path]
    if not found:
        sys.exit(f"no NVRTC at {pattern}")
    return ctypes.CDLL(found[0])


nvrtc = library()
nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p


def check(status, what):
    if status != 0:
        raise RuntimeError(f"{what}: {nvrtc.nvrtcGetErrorString(status).decode()}")


def text_of(program, size_function, get_function):
    size = ctypes.c_size_t()
    check(size_function(program, ctypes.byref(size)), size_function.__name__)
    buffer = ctypes.create_string_buffer(size.value)
    check(get_function(program, buffer), get_function.__name__)
    return buffer.value.decode()


def strings(values):
    return (ctypes.c_char_p * len(values))(*[value.encode() for value in values])


def compile_one(name, text, headers, options, target):
    program = ctypes.c_void_p()
    names, contents = strings(list(headers)), strings(list(headers.values()))
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), name.encode(), len(headers), contents, names
    )
    check(created, "nvrtcCreateProgram")
    flags = [f"--gpu-architecture={target}", *options]
    status = nvrtc.nvrtcCompileProgram(program, len(flags), strings(flags))
    result = {"source": name, "target": target, "ok": status == 0}
    result["log"] = text_of(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    if status == 0 and target.startswith("compute_"):
        result["ptx"] = text_of(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
    check(nvrtc.nvrtcDestroyProgram(ctypes.byref(program)), "nvrtcDestroyProgram")
    return result


def main():
    job = json.load(sys.stdin)
    major, minor = ctypes.c_int(), ctypes.c_int()
    check(nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    results = [
        compile_one(name, text, job["headers"], job["options"], target)
        for name, text in job["sources"].items()
        for target in job["targets"]
    ]
    json.dump({"version": f"{major.value}.{minor.value}", "results": results}, sys.stdout)


main()
