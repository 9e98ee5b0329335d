// A program that knows nalar by its installed package alone. It links every free function of the
// public headers: one that is not exported is an error here.
#include <nalar/nalar.h>

#include <cstdio>

namespace {

// Only the address matters.
template <typename... Functions>
int linked(Functions... functions) {
  return (0 + ... + (functions != nullptr));
}

}  // namespace

int main() {
  const int n =
      linked(&nalar::lock_down, &nalar::network_is_locked, &nalar::set_notice_sink, &nalar::notice,
             &nalar::shape_text, &nalar::TensorView::rows, &nalar::TensorView::columns,
             &nalar::block_size, &nalar::is_quantized, &nalar::is_weight_type, &nalar::parse_json,
             &nalar::to_text, &nalar::parse_toml, &nalar::read_input, &nalar::write_new_file,
             &nalar::printable, &nalar::open_tokenizer, &nalar::open_tokenizer_if_any,
             &nalar::open_engine, &nalar::cpu_isa, &nalar::default_threads, &nalar::estimate_memory,
             &nalar::run_bench, &nalar::encode_prompt, &nalar::template_token_variables,
             &nalar::inspect, &nalar::inspect_text, &nalar::ModelConfig::validate,
             &nalar::EngineOptions::validate, &nalar::Prompt::text, &nalar::StreamDecoder::push,
             &nalar::ChatTemplate::hash, &nalar::Generator::reset, &nalar::TerminalFilter::finish,
             static_cast<std::shared_ptr<const nalar::Model> (*)(
                 const std::string&, const nalar::OpenOptions&)>(&nalar::open_model));
  nalar::SamplingOptions options;
  options.temperature = 0;
  std::vector<float> logits = {0, 2, 1};
  const nalar::TokenId id = nalar::Sampler(options).sample({}, logits);
  try {
    options.top_p = 2;
    options.validate();
    return 1;
  } catch (const nalar::Error& e) {  // also crosses the library's border
    if (e.kind() != nalar::ErrorKind::usage) return 1;
  }
  const nalar::TorchInfo torch = nalar::torch_info();
  std::printf("nalar %s, LibTorch %s (%d functions)\n", nalar::version_info().version.c_str(),
              torch.version.empty() ? torch.problem.c_str() : torch.version.c_str(), n);
  return id == 1 ? 0 : 1;
}
