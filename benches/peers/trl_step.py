#!/usr/bin/env python3
"""Time one GRPO step of TRL's GRPOTrainer (float32, transformers' generate, beta 0, no recomputation).

A step = generate, reward, one optimizer update. Every completion has its full length (EOS is suppressed), as in
  tiny     16 prompts x 8 completions x 192 tokens, micro-batch 128, random weights (--model: the embedded model's)
  smollm2   4 prompts x 8 completions x 128 tokens, micro-batch 8
The first step is not measured. Rewards are pseudo-random, so that no group is without signal.

  trl_step.py tiny --threads 1
  trl_step.py smollm2 --model SMOLLM2_LLAMA_F32 --repeats 1
"""
import random
import tempfile
import time

import measure

SHAPES = {"tiny": (16, 8, 192, 128), "smollm2": (4, 8, 128, 8)}  # prompts, completions, new tokens, micro-batch
VOCABULARY = "_^>$#=?:w+-*0123456789abcdefghijklmnopqrst"


def tiny_tokenizer(transformers):
    """One id a character; `_` pads, `$` ends."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    tokenizer = Tokenizer(models.WordLevel({c: i for i, c in enumerate(VOCABULARY)}, unk_token="_"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="_", eos_token="$", unk_token="_")


def tiny_model(transformers):
    config = transformers.Qwen3Config(
        vocab_size=42, hidden_size=128, intermediate_size=320, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=1024, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4}, pad_token_id=0, eos_token_id=3, bos_token_id=None)
    return transformers.Qwen3ForCausalLM(config).float()


def main():
    ap = measure.arguments(__doc__, threads=2)
    ap.add_argument("which", choices=sorted(SHAPES))
    ap.add_argument("--model", help="Hugging Face folder; needed for smollm2")
    ap.add_argument("--shape", type=int, nargs=4, metavar=("PROMPTS", "COMPLETIONS", "TOKENS", "MICRO_BATCH"), help="another shape")
    args = ap.parse_args()
    if args.which == "smollm2" and not args.model:
        ap.error("smollm2 needs --model")
    torch = measure.set_threads(args.threads)
    import transformers
    import trl
    from datasets import Dataset
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    torch.manual_seed(0)
    prompts, completions, new_tokens, micro_batch = args.shape or SHAPES[args.which]
    rng = random.Random(0)
    if args.model:
        load = transformers.AutoModelForCausalLM.from_pretrained
        model = load(args.model, dtype=torch.float32, attn_implementation="sdpa")
    else:
        model = tiny_model(transformers)
    if args.which == "tiny":
        tokenizer = tiny_tokenizer(transformers)
        texts = ["^" + "".join(rng.choices(VOCABULARY[12:], k=22)) + ">" for _ in range(64)]
    else:
        tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(args.model)
        texts = [f"Tom has {i + 3} apples and buys {2 * i + 5} more. How many apples does he have now? Think, then answer." for i in range(64)]

    clock = {}

    class Timed(trl.GRPOTrainer):
        """GRPOTrainer that emits the time of each step and of its generation."""

        def _generate(self, *arguments, **keywords):
            start = time.perf_counter()
            result = super()._generate(*arguments, **keywords)
            clock["generate"] = time.perf_counter() - start
            return result

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            clock["start"] = time.perf_counter(), time.process_time()

        def on_step_end(self, trainer_args, state, *_, **__):
            wall, cpu = (now - then for now, then in zip((time.perf_counter(), time.process_time()), clock["start"]))
            if state.global_step > 1:
                facts = {"peer": f"trl {trl.__version__}", "what": "grpo step", "model": args.which, "repeat": state.global_step - 2,
                         "shape": f"{prompts}x{completions}x{new_tokens}", "generate_s": round(clock["generate"], 4),
                         "train_s": round(wall - clock["generate"], 4)}
                measure.emit(facts, prompts * completions * new_tokens, wall, cpu)

    with tempfile.TemporaryDirectory() as folder:
        config = trl.GRPOConfig(
            output_dir=folder, per_device_train_batch_size=micro_batch, num_generations=completions, learning_rate=1e-6,
            gradient_accumulation_steps=prompts * completions // micro_batch, max_completion_length=new_tokens, beta=0.0,
            temperature=1.0, max_steps=args.repeats + 1, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to=[],
            save_strategy="no", logging_strategy="no", disable_tqdm=True, generation_kwargs={"min_new_tokens": new_tokens})
        Timed(model=model, args=config, processing_class=tokenizer, callbacks=[Clock()],
              train_dataset=Dataset.from_dict({"prompt": texts}),
              reward_funcs=lambda completions, **_: [rng.random() for _ in completions]).train()


if __name__ == "__main__":
    main()
