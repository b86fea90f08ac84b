#!/usr/bin/env python3
"""Time the tiny model in PyTorch (float32, eager): sampled and trained tokens/s, as `transformers` and as a plain module.

Model: Qwen3 form, d 128, 3 layers, 4/2 heads of 32, feed-forward 320, vocabulary 42, untied: 527,936 parameters.
With --model, its weights and EOS are used and the prompts are those of the chain task with 1 to 10 links, so rows end
when they end; without it, weights are random, prompts have 24 ids and every row gets all new tokens.
Training is forward, backward, clipping and AdamW on rows of 128 random ids.

  tiny.py                          # one core
  tiny.py --model fixtures/tiny    # the embedded model
"""
import random

import measure

VOCABULARY = "_^>$#=?:w+-*0123456789abcdefghijklmnopqrst"


def chain_prompt(rng, links):
    """A problem of the chain task, as ids: `^44a*3b*9>`."""
    text = f"^{rng.randrange(100):02d}"
    for link in range(links):
        operator = rng.choice("+-*")
        text += "abcdefghijklmnopqrst"[link] + operator + rng.choice("379" if operator == "*" else "123456789")
    return [VOCABULARY.index(c) for c in text + ">"]


def main():
    ap = measure.arguments(__doc__, threads=1)
    ap.add_argument("--model", help="Hugging Face folder of the embedded model (default: random weights, no EOS)")
    ap.add_argument("--batch", type=int, nargs="+", default=[128], help="rows sampled together (default 128)")
    ap.add_argument("--new-tokens", type=int, default=256)
    ap.add_argument("--train-tokens", type=int, nargs="+", default=[1024, 8192])
    args = ap.parse_args()
    torch = measure.set_threads(args.threads)
    import transformers
    from tiny_model import PlainModel
    transformers.logging.set_verbosity_error()

    torch.manual_seed(0)
    if args.model:
        hf = transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, attn_implementation="sdpa")
        eos = VOCABULARY.index("$")
    else:
        config = transformers.Qwen3Config(
            vocab_size=42, hidden_size=128, intermediate_size=320, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, head_dim=32, max_position_embeddings=1024, tie_word_embeddings=False,
            rope_parameters={"rope_type": "default", "rope_theta": 1e4}, attn_implementation="sdpa")
        hf, eos = transformers.Qwen3ForCausalLM(config).float(), None
    plain = PlainModel(hf.eval())
    ids = torch.randint(1, 42, (2, 40))
    with torch.no_grad():
        worst = (hf(ids).logits - plain(ids)).abs().max().item()
    if not worst < 1e-4:
        raise SystemExit(f"the plain module is not the model: logits differ by {worst}")

    def generate_hf(prompts):
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        with torch.no_grad():
            out = hf.generate(ids, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, eos_token_id=eos,
                              pad_token_id=0, max_new_tokens=args.new_tokens)[:, width:]
        if eos is None:
            return out.numel()
        ended = (out == eos).int()
        return int((ended.cumsum(1) - ended == 0).sum())  # up to and with the first EOS

    rng = random.Random(5)
    for batch in args.batch:
        if args.model:
            prompts = [p for _ in range(batch // 8) for p in [chain_prompt(rng, rng.randint(1, 10))] * 8]
        else:
            prompts = torch.randint(1, 42, (batch, 24)).tolist()
        facts = {"what": "generate", "model": args.model or "random", "batch": batch, "new_tokens": args.new_tokens}
        plain_call = lambda: plain.generate(prompts, args.new_tokens, eos).numel()
        measure.measure({"peer": "torch plain module", **facts}, plain_call, args.repeats)
        measure.measure({"peer": "transformers generate", **facts}, lambda: generate_hf(prompts), args.repeats)
    for tokens in args.train_tokens:
        ids = torch.randint(1, 42, (tokens // 128, 128))
        for peer, model in (("torch plain module", plain), ("transformers", hf)):
            step = measure.trainer(torch, model.train(), ids)
            steps = lambda: sum(step() for _ in range(max(1, 16384 // tokens)))
            measure.measure({"peer": peer, "what": "train", "batch_tokens": tokens}, steps, args.repeats)


if __name__ == "__main__":
    main()
