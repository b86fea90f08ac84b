"""The tiny Qwen3-form model as a plain torch module, without the overhead of a general library.

Same weights and names as transformers' Qwen3ForCausalLM, projections fused; `generate` keeps a KV cache, pads prompts on
the left and drops the rows that have finished.
"""
import torch
import torch.nn.functional as F
from torch import nn


def rms_norm(x, weight, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin):
    """RoPE of [B, T, H, D] with cos and sin [T, 1, D/2]."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Block(nn.Module):
    """One decoder layer."""

    def __init__(self, source):
        super().__init__()
        attention, mlp = source.self_attn, source.mlp
        self.head_dim = attention.head_dim
        self.heads = attention.q_proj.out_features // self.head_dim
        self.kv_heads = attention.k_proj.out_features // self.head_dim
        copy = lambda *parts: nn.Parameter(torch.cat([p.detach() for p in parts]).clone())
        self.norm1, self.norm2 = copy(source.input_layernorm.weight), copy(source.post_attention_layernorm.weight)
        self.q_norm, self.k_norm = copy(attention.q_norm.weight), copy(attention.k_norm.weight)
        self.qkv = copy(attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight)
        self.out, self.down = copy(attention.o_proj.weight), copy(mlp.down_proj.weight)
        self.gate_up = copy(mlp.gate_proj.weight, mlp.up_proj.weight)

    def project(self, x, cos, sin):
        """Queries, keys, values [B, T, heads, D] of the normed input."""
        b, t, _ = x.shape
        h = F.linear(rms_norm(x, self.norm1), self.qkv).view(b, t, -1, self.head_dim)
        q, k, v = h.split([self.heads, self.kv_heads, self.kv_heads], 2)
        return rotate(rms_norm(q, self.q_norm), cos, sin), rotate(rms_norm(k, self.k_norm), cos, sin), v

    def finish(self, x, attended):
        """Output projection, MLP and the two residual adds; `attended` [B, T, heads * D]."""
        x = x + F.linear(attended, self.out)
        gate, up = F.linear(rms_norm(x, self.norm2), self.gate_up).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down)

    def attend(self, x, q, k, v, mask):
        """Grouped-query attention over full sequences; `mask` None = causal."""
        group = self.heads // self.kv_heads
        k, v = (y.repeat_interleave(group, 2).transpose(1, 2) for y in (k, v))
        o = F.scaled_dot_product_attention(q.transpose(1, 2), k, v, attn_mask=mask, is_causal=mask is None)
        return self.finish(x, o.transpose(1, 2).flatten(2))


class PlainModel(nn.Module):
    """Built from a Qwen3ForCausalLM with an untied head."""

    def __init__(self, source, max_length=1024):
        super().__init__()
        self.embedding = nn.Parameter(source.model.embed_tokens.weight.detach().clone())
        self.blocks = nn.ModuleList([Block(layer) for layer in source.model.layers])
        self.norm = nn.Parameter(source.model.norm.weight.detach().clone())
        self.head = nn.Parameter(source.lm_head.weight.detach().clone())
        angles = torch.arange(max_length).float()[:, None] * source.model.rotary_emb.inv_freq.float()
        self.register_buffer("cos", angles.cos()[:, None], persistent=False)
        self.register_buffer("sin", angles.sin()[:, None], persistent=False)

    def logits(self, x):
        return F.linear(rms_norm(x, self.norm), self.head)

    def forward(self, ids):
        """Logits [B, T, V] of full sequences."""
        x, t = F.embedding(ids, self.embedding), ids.shape[1]
        for block in self.blocks:
            x = block.attend(x, *block.project(x, self.cos[:t], self.sin[:t]), None)
        return self.logits(x)

    @torch.no_grad()
    def generate(self, prompts, new_tokens, eos=None, pad=0):
        """Sample at temperature 1 from lists of ids. Returns the log-probabilities of all sampled tokens, EOS included."""
        rows, width = len(prompts), max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts])
        padding = torch.arange(width + new_tokens) < torch.tensor([width - len(p) for p in prompts])[:, None]
        bias = torch.zeros(padding.shape).masked_fill_(padding, -1e9)[:, None, None]
        x, mask = F.embedding(ids, self.embedding), torch.full((width, width), -1e9).triu(1) + bias[..., :width]
        cache = []
        for block in self.blocks:
            q, k, v = block.project(x, self.cos[:width], self.sin[:width])
            keys = torch.zeros(rows, block.kv_heads, block.head_dim, width + new_tokens)
            values = torch.zeros(rows, block.kv_heads, width + new_tokens, block.head_dim)
            keys[..., :width], values[:, :, :width] = k.permute(0, 2, 3, 1), v.transpose(1, 2)
            cache.append([keys, values])
            x = block.attend(x, q, k, v, mask)
        x, sampled, live = x[:, -1], [], torch.ones(rows, dtype=torch.bool)
        for position in range(width, width + new_tokens):
            logp = F.log_softmax(self.logits(x), -1)
            token = torch.multinomial(logp.exp(), 1)[:, 0]
            sampled.append(logp.gather(1, token[:, None])[live, 0])
            live = live & (token != eos) if eos is not None else live
            count = int(live.sum())
            if count == 0:
                break
            if count < 0.8 * len(live):
                kept = live.nonzero()[:, 0]
                token, bias, live = token[kept], bias[kept], live[kept]
                cache = [[y[kept] for y in layer] for layer in cache]
            x = self.decode(token, position, cache, bias[..., : position + 1])
        return torch.cat(sampled)

    def decode(self, token, position, cache, bias):
        """The final hidden state [B, d] after one more token a row; extends the cache."""
        x = F.embedding(token, self.embedding)[:, None]
        for block, (keys, values) in zip(self.blocks, cache):
            q, k, v = block.project(x, self.cos[position : position + 1], self.sin[position : position + 1])
            keys[..., position], values[:, :, position] = k[:, 0], v[:, 0]
            q = q.view(len(token), block.kv_heads, -1, block.head_dim)
            score = q @ keys[..., : position + 1] * block.head_dim**-0.5 + bias
            x = block.finish(x, (score.softmax(-1) @ values[:, :, : position + 1]).reshape(len(token), 1, -1))
        return x[:, 0]
