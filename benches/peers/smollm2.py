#!/usr/bin/env python3
"""Time SmolLM2-135M in transformers (float32): sampled and trained tokens/s.

Generation: `generate` at temperature 1, dynamic cache, prompts of 64 random ids, each 8 times, 256 new tokens, no EOS;
prefill and sampling are in the time. Training: forward, backward, clipping and AdamW on 8 rows of 320 random ids, sdpa
attention, no recomputation.

  smollm2.py --model SMOLLM2_LLAMA_F32
  smollm2.py --model SMOLLM2_LLAMA_F32 --batch 32 --no-train --repeats 1
"""
import measure


def main():
    ap = measure.arguments(__doc__, threads=2)
    ap.add_argument("--model", required=True, help="Hugging Face folder of SmolLM2-135M-Instruct in float32")
    ap.add_argument("--batch", type=int, nargs="*", default=[8, 32, 64], help="rows sampled together (default 8 32 64)")
    ap.add_argument("--prompt-tokens", type=int, default=64)
    ap.add_argument("--new-tokens", type=int, default=256)
    ap.add_argument("--rows", type=int, default=8, help="training rows (default 8)")
    ap.add_argument("--length", type=int, default=320, help="tokens of a training row (default 320)")
    ap.add_argument("--no-train", action="store_true")
    args = ap.parse_args()
    torch = measure.set_threads(args.threads)
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    torch.manual_seed(0)
    load = transformers.AutoModelForCausalLM.from_pretrained
    model = load(args.model, dtype=torch.float32, attn_implementation="sdpa").eval()
    vocabulary = model.config.vocab_size

    def generate(prompts, new_tokens):
        with torch.no_grad():
            out = model.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0,
                                 top_p=1.0, eos_token_id=None, pad_token_id=0, max_new_tokens=new_tokens)
        return out.numel() - prompts.numel()

    for batch in args.batch:
        prompts = torch.randint(10, vocabulary, (batch // 8, args.prompt_tokens)).repeat_interleave(8, 0)
        generate(prompts, 4)  # warm-up; a whole one would cost a minute
        facts = {"peer": "transformers generate", "what": "generate", "batch": batch, "new_tokens": args.new_tokens}
        measure.measure(facts, lambda: generate(prompts, args.new_tokens), args.repeats, warmup=0)
    if not args.no_train:
        step = measure.trainer(torch, model.train(), torch.randint(10, vocabulary, (args.rows, args.length)))
        measure.measure({"peer": "transformers", "what": "train", "batch_tokens": args.rows * args.length}, step, args.repeats)


if __name__ == "__main__":
    main()
