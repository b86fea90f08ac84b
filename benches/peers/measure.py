"""What the peer scripts share: the clock, and one JSON line per measurement."""
import argparse
import json
import os
import platform
import resource
import time


def arguments(description, threads):
    """A parser with the options of every script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=threads, help=f"torch threads (default {threads})")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each kind (default 3)")
    return parser


def set_threads(count):
    """Fix the threads of every pool below torch, then import it."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch
    torch.set_num_threads(count)
    return torch


def processor():
    """The model name of the CPU; the machine's architecture where /proc does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def emit(facts, tokens, seconds, cpu_seconds):
    """Print one measurement. `cpu_seconds` counts all threads of this process; at one thread it is the honest
    clock on a busy machine."""
    import torch
    line = {
        **facts,
        "tokens": tokens,
        "seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds, 4),
        "tokens_per_s": round(tokens / seconds, 1),
        "tokens_per_cpu_s": round(tokens / cpu_seconds, 1),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "torch": torch.__version__,
        "cpu": processor(),
    }
    print(json.dumps(line), flush=True)


def measure(facts, work, repeats, warmup=1):
    """Call `work`, which returns a number of tokens, `warmup` times unmeasured and `repeats` times measured."""
    for _ in range(warmup):
        work()
    for repeat in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        tokens = work()
        emit({**facts, "repeat": repeat}, tokens, time.perf_counter() - wall, time.process_time() - cpu)


def trainer(torch, model, ids):
    """One optimizer step on all positions of `ids` as a function: forward, backward, clip, AdamW. Returns its tokens."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def step():
        out = model(ids)
        logits = out if isinstance(out, torch.Tensor) else out.logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return ids.numel()

    return step
