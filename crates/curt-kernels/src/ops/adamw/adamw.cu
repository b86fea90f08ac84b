// AdamW: one thread per element.

#include "device.cuh"

KERNEL(256) adamw_step(float *weight, float *m, float *v, const float *grad, float beta1, float gain1, float beta2, float gain2,
                  float grad_scale, float rate, float correction2, float epsilon, float decay, u64 len) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    float w = weight[i], gradient = grad[i];
    float g = grad_scale * gradient;
    float first = fmaf(beta1, m[i], gain1 * gradient);
    float second = fmaf(beta2, v[i], gain2 * (g * g));
    float step = rate * first / (sqrtf(second * correction2) + epsilon);
    m[i] = first;
    v[i] = second;
    weight[i] = w - fmaf(decay, w, step);
}
