#!/usr/bin/env python3
"""Makes tests/golden/models: tiny random models of every family with the logits of transformers.

    scripts/make_golden_models.py [tests/golden/models]

Needs from PyPI: torch==2.15.0 transformers==5.23.0 gguf==0.19.0 safetensors numpy. The same versions give
the same bytes. For each model NAME below:

    NAME/config.json, model.safetensors   as transformers writes them, float32
    NAME/reference.safetensors            ids_0, ids_1, … (I32 [T]) and logits_0, … (F32 [T, V]), float32, eager
    rope.json                             inverse frequencies of transformers' ROPE_INIT_FUNCTIONS for ROPES below
    NAME.gguf                             the same weights in float32 as llama.cpp's converter lays them out:
                                          rows of q and k permuted for "llama", 1 added to the norms of gemma3
"""

import contextlib
import json
import math
import os
import shutil
import sys

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, RopeScalingType
from safetensors.numpy import save_file
from transformers import (Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, MistralConfig,
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

# Of real models (Llama 3.1 and 3.2, Qwen 2.5 long, Gemma 3) and of every option of YaRN.
ROPES = [
    dict(head_dim=128, rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
         high_freq_factor=4.0, original_max_position_embeddings=8192),
    dict(head_dim=64, rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0,
         high_freq_factor=4.0, original_max_position_embeddings=8192),
    dict(head_dim=256, rope_type="linear", rope_theta=1000000.0, factor=8.0),
    dict(head_dim=128, rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=32768),
    dict(head_dim=64, rope_type="yarn", rope_theta=10000.0, factor=16.0, original_max_position_embeddings=4096,
         beta_fast=16.0, beta_slow=2.0, truncate=False),
    dict(head_dim=64, rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=4096,
         mscale=1.0, mscale_all_dim=0.7),
    dict(head_dim=32, rope_type="yarn", rope_theta=10000.0, factor=2.0, original_max_position_embeddings=2048,
         attention_factor=0.9),
]

VOCAB = 48
SEQUENCE_LENGTHS = (24, 17, 3)
COMMON = dict(vocab_size=VOCAB, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
              num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5,
              bos_token_id=1, eos_token_id=2, pad_token_id=None)


def models():
    """NAME → (model class, config, GGUF architecture or None)."""
    rope = dict(rope_theta=10000.0)
    return {
        # Grouped heads, tied head; wavelengths below, between and above the two bounds of llama3's scaling.
        "llama-llama3": (LlamaForCausalLM, LlamaConfig(
            **COMMON, head_dim=8, tie_word_embeddings=True, rope_parameters=rope | dict(
                rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=128)), "llama"),
        # As many kv heads as heads, untied, every bias, positions interpolated.
        "llama-bias": (LlamaForCausalLM, LlamaConfig(
            **COMMON | dict(num_key_value_heads=4), attention_bias=True, mlp_bias=True, tie_word_embeddings=False,
            rope_parameters=rope | dict(rope_type="linear", factor=4.0)), "llama"),
        "mistral-window": (MistralForCausalLM, MistralConfig(
            **COMMON, head_dim=6, sliding_window=8, tie_word_embeddings=False, rope_parameters=rope | dict(
                rope_type="default")), None),
        "qwen2-bias": (Qwen2ForCausalLM, Qwen2Config(
            **COMMON, tie_word_embeddings=False, rope_parameters=dict(rope_theta=1e6, rope_type="default")), "qwen2"),
        # The window begins at layer 1; context stretched four times.
        "qwen2-yarn": (Qwen2ForCausalLM, Qwen2Config(
            **COMMON | dict(hidden_size=32), tie_word_embeddings=True, use_sliding_window=True, sliding_window=8,
            max_window_layers=1, rope_parameters=rope | dict(
                rope_type="yarn", factor=4.0, original_max_position_embeddings=16)), None),
        "qwen3": (Qwen3ForCausalLM, Qwen3Config(
            **COMMON, head_dim=8, tie_word_embeddings=True, rope_parameters=dict(
                rope_theta=1e6, rope_type="yarn", factor=2.0, original_max_position_embeddings=32)), "qwen3"),
        # Five local layers to a global one, each kind with its own base, the global one interpolated; sqrt(20) is not exact.
        "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig(
            **COMMON | dict(hidden_size=20, num_hidden_layers=7, num_attention_heads=2, num_key_value_heads=1), head_dim=8,
            sliding_window=8, query_pre_attn_scalar=8, final_logit_softcapping=30.0, rope_parameters={
                "sliding_attention": dict(rope_type="default", rope_theta=10000.0),
                "full_attention": dict(rope_type="linear", factor=8.0, rope_theta=1e6)}), "gemma3"),
    }


def randomize(model, seed):
    """Weights large enough that every part moves the logits; norms around one."""
    generator = torch.Generator().manual_seed(seed)
    zero_centred = isinstance(model, Gemma3ForCausalLM)
    for name, p in model.named_parameters():
        values = torch.randn(p.shape, generator=generator)
        if name.endswith("norm.weight"):
            values = 0.3 * values + (0.0 if zero_centred else 1.0)
        elif name.endswith("bias"):
            values = 0.3 * values
        elif "embed_tokens" not in name:
            values = values * 1.5 / math.sqrt(p.shape[-1])
        p.data.copy_(values)


def permute(w, n_heads):
    """Rows of a half-split rope → rows of an interleaved one, as llama.cpp's converter for "llama" does."""
    return w.reshape(n_heads, 2, w.shape[0] // n_heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def gguf_name(name, arch):
    stem, _, kind = name.rpartition(".")
    prefix = ""
    if stem.startswith("model.layers."):
        _, _, index, stem = stem.split(".", 3)
        prefix = f"blk.{index}."
    if stem == "post_attention_layernorm":
        return f"{prefix}{'post_attention_norm' if arch == 'gemma3' else 'ffn_norm'}.{kind}"
    return f"{prefix}{GGUF_NAMES[stem]}.{kind}"


def write_rope_scaling(writer, rope):
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif rope["rope_type"] == "llama3":
        dim = 8
        freqs = 1.0 / (rope["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))
        wavelength = 2 * math.pi / freqs
        low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
        smooth = (old / wavelength - low) / (high - low)
        factors = 1 / ((1 - smooth) / rope["factor"] + smooth)
        factors = torch.where(wavelength < old / high, 1.0, factors)
        factors = torch.where(wavelength > old / low, rope["factor"], factors)
        writer.add_tensor("rope_freqs.weight", factors.numpy().astype(np.float32))


def write_gguf(path, name, model, arch):
    config = model.config
    writer = GGUFWriter(path, arch)
    writer.add_name(name)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_file_type(0)
    if arch in ("llama", "qwen3", "gemma3"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if arch == "llama":
        writer.add_vocab_size(VOCAB)
        writer.add_rope_dimension_count(config.head_dim)
    if arch == "gemma3":
        writer.add_sliding_window(config.sliding_window)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    writer.add_rope_freq_base(rope["rope_theta"])
    write_rope_scaling(writer, rope)
    writer.add_tokenizer_model("llama")
    tokens = ["<unk>", "<s>", "</s>"] + [f"▁{chr(97 + i % 26)}{i}" for i in range(VOCAB - 3)]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 3 + [-float(i) for i in range(VOCAB - 3)])
    writer.add_token_types([2, 3, 3] + [1] * (VOCAB - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for hf_name, tensor in model.state_dict().items():
        if hf_name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        w = tensor
        if arch == "llama" and "q_proj" in hf_name:
            w = permute(w, config.num_attention_heads)
        if arch == "llama" and "k_proj" in hf_name:
            w = permute(w, config.num_key_value_heads)
        if arch == "gemma3" and hf_name.endswith("norm.weight"):
            w = w + 1
        writer.add_tensor(gguf_name(hf_name, arch), w.numpy().copy(), raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.inference_mode()
def write_reference(path, model, seed):
    generator = torch.Generator().manual_seed(seed)
    arrays = {}
    for i, length in enumerate(SEQUENCE_LENGTHS):
        ids = torch.randint(0, VOCAB, (length,), generator=generator)
        arrays[f"ids_{i}"] = ids.numpy().astype(np.int32)
        arrays[f"logits_{i}"] = np.ascontiguousarray(model(ids[None]).logits[0].numpy())
    save_file(arrays, path)


def write_ropes(path):
    rows = []
    for rope in ROPES:
        parameters = {k: v for k, v in rope.items() if k != "head_dim"}
        config = LlamaConfig(hidden_size=rope["head_dim"], num_attention_heads=1, head_dim=rope["head_dim"],
                             max_position_embeddings=131072, rope_parameters=dict(parameters))
        inverse, factor = ROPE_INIT_FUNCTIONS[rope["rope_type"]](config, "cpu")
        rows.append(dict(head_dim=rope["head_dim"], rope_parameters=parameters, inverse=inverse.tolist(),
                         attention_factor=factor))
    with open(path, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../tests/golden/models")
    torch.set_num_threads(1)
    os.makedirs(out, exist_ok=True)
    write_ropes(os.path.join(out, "rope.json"))
    for seed, (name, (cls, config, arch)) in enumerate(models().items()):
        folder = os.path.join(out, name)
        shutil.rmtree(folder, ignore_errors=True)
        config._attn_implementation = "eager"
        model = cls(config).float().eval()
        randomize(model, seed)
        model.tie_weights()
        model.save_pretrained(folder)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "generation_config.json"))
        write_reference(os.path.join(folder, "reference.safetensors"), model, 100 + seed)
        for file in ("model.safetensors", "reference.safetensors"):
            os.chmod(os.path.join(folder, file), 0o644)
        if arch:
            write_gguf(os.path.join(out, f"{name}.gguf"), name, model, arch)


if __name__ == "__main__":
    main()
