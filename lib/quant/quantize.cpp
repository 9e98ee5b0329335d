#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/quantize.h>

#include "io/file_system.h"
#include "quant/quantizer.h"
#include "quant/source.h"

namespace nalar {
namespace {

quant::Source source_of(const Model& model) {
  if (model.files().format() != ModelFormat::gguf) {
    throw Error(ErrorKind::usage, "quantize reads GGUF files, this is a folder",
                fmt::format("nalar convert {} FILE.gguf, then nalar quantize FILE.gguf",
                            model.files().path()))
        .in_file(model.files().path());
  }
  return quant::gguf_source(model.shared_files());
}

}  // namespace

void QuantizeOptions::validate() const {
  const auto refuse = [](bool bad, const char* what) {
    if (bad) throw Error(ErrorKind::usage, what);
  };
  refuse(target_bytes && target_bpw, "--target-size and --target-bpw exclude each other");
  refuse(target_bytes && *target_bytes <= 0, "--target-size: need more than 0 bytes");
  refuse(target_bpw && !(*target_bpw > 0 && *target_bpw <= 32),
         "--target-bpw: need a number of bits above 0, at most 32");
  refuse((target_bytes || target_bpw) && pure, "--pure has no meaning with a target");
  refuse(calibration && imatrix, "--calibrate and --imatrix exclude each other");
  refuse(write_imatrix && !calibration, "--write-imatrix needs --calibrate");
  refuse(threads < 0, "--threads: need 0 or more");
}

QuantizePlan plan_quantize(std::shared_ptr<const Model> model, const QuantizeOptions& options,
                           const QuantizeControl& control) {
  quant::Source source = source_of(*model);
  return quant::Quantizer(io::file_system(), std::move(model), std::move(source), options, control)
      .plan();
}

QuantizeResult quantize(std::shared_ptr<const Model> model, const std::string& out,
                        const QuantizeOptions& options, const QuantizeControl& control) {
  quant::Source source = source_of(*model);
  return quant::Quantizer(io::file_system(), std::move(model), std::move(source), options, control)
      .write(out);
}

}  // namespace nalar
