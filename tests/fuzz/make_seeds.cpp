// make_seeds OUT_DIR: seeds for the fuzz targets, OUT_DIR/<target>/<name>: small well-formed files,
// and the small ones of the broken files.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/safetensors_builder.h"
#include "support/spm_builder.h"
#include "support/tiny_llama.h"

namespace {

using namespace nalar::test;

void write_tokenizer_seeds(const std::string& root) {
  const std::string bpe =
      R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"e":5},"merges":["a b"],)"
      R"("unk_token":"<unk>","fuse_unk":true},"added_tokens":[{"id":6,"content":"<s>","special":true},)"
      R"({"id":7,"content":"<user>","lstrip":true,"rstrip":true,"single_word":true,"normalized":true}],)";
  const char* parts[] = {
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Nmt"},)"
      R"x({"type":"Replace","pattern":{"Regex":"\\s+(?!\\S)"},"content":"\u2581"},{"type":"Prepend","prepend":"a"}]})x",
      R"("normalizer":{"type":"Sequence","normalizers":[{"type":"StripAccents"},{"type":"Strip"},{"type":"ByteLevel"}]})",
      R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},)"
      R"({"type":"Split","pattern":{"Regex":"(?i:'s)|\\p{L}+|[^a-z\\s]"},"behavior":"Isolated","invert":false},)"
      R"({"type":"ByteLevel","add_prefix_space":true}]},"decoder":{"type":"ByteLevel"})",
      R"("pre_tokenizer":{"type":"Metaspace","prepend_scheme":"first"},"decoder":{"type":"Metaspace"})",
      R"("pre_tokenizer":{"type":"Punctuation","behavior":"MergedWithNext"},"decoder":{"type":"Sequence","decoders":)"
      R"([{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":1}]})",
      R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],)"
      R"("special_tokens":{"<s>":{"ids":[6]}}})"};
  int n = 0;
  for (const char* part : parts) {
    write_text(fmt::format("{}/tokenizer_json/bpe{}", root, n++), bpe + part + "}");
  }
  write_text(
      root + "/tokenizer_json/unigram",
      R"({"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["b",-2.5],["ab",-2]]},)"
      R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAAA"}})");
  write_text(root + "/spm/bpe", spm_model());
  write_text(root + "/spm/unigram",
             spm_model(spm_piece("<user>", 0, 4) + spm_piece("c", -9, 5), kUnigram,
                       bytes_field(2, charsmap_blob(charsmap_chain(2), {"y\0", 2}))));
}

void write_template_seeds(const std::string& root) {
  const char* parts[] = {
      "{% for m in messages if m.content %}<|{{ m['role'] }}|>\n{{- m.content|trim ~ eos_token "
      "-}}\n{% endfor %}",
      "{% macro f(a, b=2, *c) %}{{ caller(a) if caller }}{% endmacro %}{% call(x) f(1) %}{{ x }}{% "
      "endcall %}",
      "{% set ns = namespace(i=0) %}{% for x in range(3) recursive %}{% set ns.i = ns.i + "
      "loop.index %}{% endfor %}",
      "{{ '%5.2f|%-3s' % (1.5, 'a') }}{{ '{:>5}{x[0]}'.format(1, x=[2]) }}{{ "
      "messages|tojson(indent=2) }}",
      "{{ 'a,b'.split(',')[::-1]|join|upper|replace('A', 'x') }}{{ 7 // -2 ** 2 % 3 }}{{ 1 < 2 <= "
      "3 and not 4 in [5] }}",
      "{% filter indent(2) %}{% set a %}b{% endset %}{{ a }}{% endfilter %}{% with c = 1 %}{{ c "
      "}}{% endwith %}",
      "{# c #}{% raw %}{{ }}{% endraw %}{% generation %}{{ tools|map(attribute='n')|list }}{% "
      "endgeneration %}",
      "{{ messages|groupby('role')|first }}{{ 'a b'|wordwrap(1) }}{{ {'a': "
      "1}|dictsort|batch(2)|list }}{{ 'x'|e }}"};
  int n = 0;
  for (const char* part : parts) write_text(fmt::format("{}/template/{}", root, n++), part);
}

// The first byte: kind of file (.jsonl .json .csv .tsv .txt from '2' on), '\xB2' and up with a
// template.
void write_dataset_seeds(const std::string& root) {
  const std::string chat =
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"Q"}]},{"role":"assistant","content":"A"}]})";
  const std::string rows[] = {
      "\xB4" + chat + "\r\n" + R"({"prompt":"a","completion":"b"})",
      "\xB5[" + chat + R"(,{"instruction":"I","input":"","output":"O","history":[["a","b"]]}])",
      R"(2{"input_ids":[1,2,258],"labels":[-100,2,258]})",
      R"(2{"conversations":[{"from":"function_call","value":"{\"name\":1,\"arguments\":2}"}],"tools":"[]"})",
      R"(3{"data":[{"text":"a"},{"text":"\u00e9]\"}"}]})",
      "4prompt,completion\r\na,\"b,\"\"c\nd\"\n",
      "Xa\tb\n\"c\"\t\"d\n",
      "6a\r\nb\n\nc"};
  int n = 0;
  for (const std::string& row : rows) write_text(fmt::format("{}/dataset/{}", root, n++), row);
}

GgufBuilder adapter_of_tiny_llama(int64_t rank, float alpha) {
  GgufBuilder b;
  b.text("general.type", "adapter").text("general.architecture", "llama");
  b.text("adapter.type", "lora").number<float>("adapter.lora.alpha", alpha);
  const auto matrix = [&](const std::string& name, int64_t out, int64_t in) {
    const auto r = static_cast<uint64_t>(rank);
    b.tensor(name + ".lora_a", {r, static_cast<uint64_t>(in)}, some_floats(rank * in));
    b.tensor(name + ".lora_b", {static_cast<uint64_t>(out), r}, some_floats(out * rank));
  };
  matrix("blk.0.attn_q.weight", 32, 32);
  matrix("blk.0.ffn_down.weight", 32, 48);
  return b;
}

// The files of a folder, as fuzz_convert takes them apart.
std::string small_folder(const std::string& config, const std::string& tokenizer) {
  SafetensorsBuilder b;
  const auto tensor = [&](const std::string& name, std::vector<uint64_t> shape) {
    int64_t n = 1;
    for (const uint64_t d : shape) n *= static_cast<int64_t>(d);
    b.tensor(name, shape, some_floats(n));
  };
  const std::string layer = "model.layers.0.";
  tensor("model.embed_tokens.weight", {8, 8});
  for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) {
    tensor(layer + norm + ".weight", {8});
  }
  for (const char* linear : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
    tensor(layer + "self_attn." + linear + ".weight", {8, 8});
  }
  for (const char* linear : {"gate_proj", "up_proj", "down_proj"}) {
    tensor(layer + "mlp." + linear + ".weight", {8, 8});
  }
  tensor("model.norm.weight", {8});
  tensor("model.unknown", {2});
  const std::string card = "---\nlicense: \"mit\"\nbase_model: a/b\n---\n";
  std::string out;
  for (const std::string& text : {config, std::string(R"({"eos_token_id":[0,1],"top_k":2})"),
                                  tokenizer, std::string(R"({"eos_token":"e"})"), card}) {
    out += text + "\x1e";
  }
  return out + b.bytes();
}

void write_convert_seeds(const std::string& root) {
  write_text(root + "/adapter/rank2", adapter_of_tiny_llama(2, 4).bytes());
  write_text(root + "/adapter/rank3", adapter_of_tiny_llama(3, 0).bytes());
  write_text(root + "/convert/gguf", tiny_llama().bytes());
  write_text(root + "/convert/gguf-unknown",
             tiny_llama().tensor("unknown", {3}, some_floats(3)).bytes());
  const std::string sizes =
      R"("hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,)"
      R"("num_key_value_heads":2,"vocab_size":8,"max_position_embeddings":16,"rms_norm_eps":1e-5,)"
      R"("tie_word_embeddings":true)";
  const std::string llama = R"({"model_type":"llama",)" + sizes;
  const std::string tokenizer =
      R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"\u2581":3,"<unk>":4,"e":5},"merges":["a b"],)"
      R"("unk_token":"<unk>"},"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}})";
  const std::string scaled =
      llama + R"(,"rope_scaling":{"rope_type":"llama3","factor":4,"low_freq_factor":1,)"
              R"("high_freq_factor":4,"original_max_position_embeddings":8}})";
  write_text(root + "/convert/hf", small_folder(llama + "}", ""));
  write_text(root + "/convert/hf-tokenizer", small_folder(llama + "}", tokenizer));
  write_text(root + "/convert/hf-scaled", small_folder(scaled, ""));
}

void write_seeds(const std::string& root) {
  write_dataset_seeds(root);
  write_convert_seeds(root);
  write_tokenizer_seeds(root);
  write_template_seeds(root);
  constexpr size_t kLargest = 64 << 10;
  write_text(root + "/gguf/small", small_gguf().bytes());
  write_text(root + "/gguf/model", tiny_llama().bytes());
  write_text(root + "/model_config/model", tiny_llama().bytes());
  write_text(root + "/safetensors/small", small_safetensors().bytes());
  write_text(root + "/json/small",
             R"({"a":[1,-2.5e3,"x\u00e9\n",true,null],"b":{"c":{},"d":[[]]}})");
  write_text(root + "/json/numbers",
             "[0,-0.0,1e308,5e-324,18446744073709551616,-9223372036854775808]");
  each_malformed([&](const Malformed& bad) {
    if (bad.items.empty() || bad.items.front().kind != Malformed::Kind::file) return;
    const std::string& bytes = bad.items.front().content;
    if (bytes.size() > kLargest) return;
    const bool gguf = bad.row <= 41, safetensors = bad.row > 41 && bad.row <= 61;
    const bool json = bad.row >= 63 && bad.row <= 71;
    if (!gguf && !safetensors && !json) return;
    const char* target = gguf ? "gguf" : safetensors ? "safetensors" : "json";
    write_text(fmt::format("{}/{}/{}", root, target, bad.name), bytes);
  });
  each_malformed_model([&](const Malformed& bad) {
    const std::string& bytes = bad.items.front().content;
    if (bytes.size() <= kLargest) write_text(root + "/model_config/" + bad.name, bytes);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_seeds OUT_DIR\n");
    return 64;
  }
  try {
    write_seeds(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "make_seeds: %s\n", e.what());
    return 74;
  }
  return 0;
}
