"""The work of `cargo xtask gpu` in PyTorch and transformers on device 0, f32 without TF32, eager. Prints Markdown."""

import sys
import time

import torch
import torch.nn.functional as F

WIDTH, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 1024, 3072, 16, 8, 128, 151_936


def random(*shape):
    return torch.randn(*shape, device="cuda")


def measure(name, rows, bytes_, operations, job):
    """As the Rust example: a call to warm up, one to guess from, three times as many as fill 10 ms; the fastest counts."""

    def seconds(calls):
        start = time.perf_counter()
        for _ in range(calls):
            job()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / calls

    try:
        seconds(1)
        calls = max(1, min(50, int(0.01 / seconds(1))))
        best = min(seconds(calls) for _ in range(3))
    except Exception as error:  # one op that cannot be run is no reason to lose the others
        print(f"| {name} | {rows} | failed: {str(error).splitlines()[0]} | – | – |")
        return
    gb = f"{bytes_ / best / 1e9:.1f}" if bytes_ else "–"
    tflop = f"{operations / best / 1e12:.1f}" if operations else "–"
    print(f"| {name} | {rows} | {best * 1e3:.4f} | {gb} | {tflop} |")


def elementwise():
    n = 256 << 20
    x, y = random(n), torch.empty(n, device="cuda")
    measure("copy", 1, 8 * n, 0, lambda: y.copy_(x))
    n = 100 << 20
    parameter = torch.nn.Parameter(y[:n].clone())
    parameter.grad = x[:n].clone()
    adamw = torch.optim.AdamW([parameter], lr=1e-6, weight_decay=0.1, fused=True)
    measure("adamw (fused)", 1, 28 * n, 0, adamw.step)
    for rows in (1, 32, 4096):
        x, weight = random(rows, WIDTH), random(WIDTH)
        measure("rms_norm forward", rows, 8 * rows * WIDTH, 0, lambda: F.rms_norm(x, (WIDTH,), weight, 1e-6))
        gate, up = random(rows, 2 * FFN).chunk(2, dim=1)
        measure("swiglu forward", rows, 12 * rows * FFN, 0, lambda: F.silu(gate) * up)


def products():
    of_heads, fused = HEADS * HEAD_DIM, (HEADS + 2 * KV_HEADS) * HEAD_DIM
    for name, n, k in (("qkv", fused, WIDTH), ("o", WIDTH, of_heads), ("gate_up", 2 * FFN, WIDTH), ("down", WIDTH, FFN)):
        weight = random(n, k)
        for rows in (1, 32, 4096):
            x, dy = random(rows, k), random(rows, n)
            bytes_, operations = 4 * (n * k + rows * (n + k)), 2 * rows * n * k
            measure(f"linear forward, {name}", rows, bytes_, operations, lambda: F.linear(x, weight))
            if rows == 4096:
                measure(f"linear backward input, {name}", rows, bytes_, operations, lambda: dy @ weight)
                measure(f"linear backward weight, {name}", rows, bytes_, operations, lambda: dy.T @ x)


def attention(context=1024):
    for rows in (1, 32, 4096):
        whole = rows == 4096
        count, new = (rows // context, context) if whole else (rows, 1)
        # keys and values are repeated beforehand: without that there is no fused f32 attention here
        q = random(count, HEADS, new, HEAD_DIM).requires_grad_()
        k, v = (random(count, HEADS, context, HEAD_DIM).requires_grad_() for _ in range(2))
        seen = count * (context * (context + 1) // 2 if whole else context)
        bytes_ = 4 * (2 * count * KV_HEADS * context * HEAD_DIM + 2 * q.numel())
        operations = 4 * seen * HEADS * HEAD_DIM

        def forward():
            return F.scaled_dot_product_attention(q, k, v, is_causal=whole)

        with torch.no_grad():
            measure(f"attention forward, contexts of {context}", rows, bytes_, operations, forward)
        if whole:
            out, dout = forward(), random(count, HEADS, new, HEAD_DIM)
            name = f"attention backward, contexts of {context}"
            measure(name, rows, 0, 10 * seen * HEADS * HEAD_DIM, lambda: torch.autograd.grad(out, (q, k, v), dout, retain_graph=True))


def head():
    weight = random(VOCAB, WIDTH)
    for rows in (1, 32, 4096):
        x, targets = random(rows, WIDTH) / WIDTH**0.5, torch.full((rows, 1), 7, device="cuda")
        bytes_, operations = 4 * (VOCAB + rows) * WIDTH, 2 * rows * VOCAB * WIDTH
        measure("lm_head forward", rows, bytes_, operations, lambda: F.log_softmax(F.linear(x, weight), -1).gather(1, targets))
        measure("lm_head sample", rows, bytes_, operations, lambda: torch.multinomial(F.softmax(F.linear(x, weight), -1), 1))


def model_config():
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=FFN, num_hidden_layers=28, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, max_position_embeddings=4096, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip


def decode(model, prompt=64, new=64):
    for batch in (1, 32, 128):
        ids = torch.randint(1, VOCAB, (batch, prompt), device="cuda")
        best = float("inf")
        for _ in range(2):
            torch.cuda.synchronize()
            start = time.perf_counter()
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                min_new_tokens=new, max_new_tokens=new,
            )  # fmt: skip
            torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
        assert out.shape == (batch, prompt + new)
        print(f"| decode, {batch} × ({prompt} + {new}) | {best:.3f} | {batch * new / best:.0f} |")


def train(model, count=8, length=512):
    ids = torch.randint(1, VOCAB, (count, length), device="cuda")
    adamw = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.1, fused=True)
    model.train()
    both, whole = float("inf"), float("inf")
    for _ in range(3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.cuda.synchronize()
        both = min(both, time.perf_counter() - start)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad()
        torch.cuda.synchronize()
        whole = min(whole, time.perf_counter() - start)
    print(f"| forward and backward, {count} × {length} | {both:.3f} | {count * length / both:.0f} |")
    print(f"| forward, backward and update, {count} × {length} | {whole:.3f} | {count * length / whole:.0f} |")


def main():
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    print(f"PyTorch {torch.__version__}.\n\n| op | rows | ms | GB/s | TFLOP/s |\n|---|---|---|---|---|")
    for part in (elementwise, products, attention, head):
        part()
        torch.cuda.empty_cache()
    import transformers

    transformers.logging.set_verbosity_error()
    print(f"\ntransformers {transformers.__version__}, `sdpa`, its own cache, shape of Qwen3-0.6B, random weights:\n")
    print("| what | s | tokens/s |\n|---|---|---|")
    with torch.device("cuda"):
        model = transformers.AutoModelForCausalLM.from_config(model_config(), dtype=torch.float32).to("cuda").eval()
    failed = False
    for part in (decode, train):
        try:
            part(model)
        except Exception as error:
            failed = True
            print(f"| {part.__name__} failed: {(str(error).splitlines() or [repr(error)])[0]} | – | – |")
    sys.exit(failed)


if __name__ == "__main__":
    main()
