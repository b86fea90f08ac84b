// SwiGLU. One block per row; threads walk its columns.

#include "device.cuh"

KERNEL(256) swiglu_forward(float *out, const float *gate_up, u32 width) {
    u64 row = blockIdx.x;
    const float *gate = gate_up + row * 2 * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float g = gate[i];
        out[row * width + i] = g * sigmoid(g) * gate[width + i];
    }
}

KERNEL(256) swiglu_backward(float *dgate_up, const float *dout, const float *gate_up, u32 width) {
    u64 row = blockIdx.x;
    const float *gate = gate_up + row * 2 * width;
    float *dgate = dgate_up + row * 2 * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float g = gate[i], up = gate[width + i], d = dout[row * width + i];
        float s = sigmoid(g);
        dgate[width + i] = d * (g * s);
        dgate[i] = d * up * (s * fmaf(g, 1.0f - s, 1.0f));
    }
}
