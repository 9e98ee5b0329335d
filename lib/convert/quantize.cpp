#include <nalar/quantize.h>

#include "convert/gguf_form.h"
#include "io/file_system.h"
#include "quant/quantizer.h"
#include "quant/source.h"

namespace nalar {
namespace {

// A folder in GGUF's form, without writing it: rows are read as they are wanted.
quant::Source converted_source(const std::shared_ptr<const Model>& model) {
  auto form = std::make_shared<convert::GgufForm>(convert::gguf_form(*model));
  convert::tell(form->notices, form->left_out);
  quant::Source source;
  source.keys = form->keys;
  for (const convert::FormTensor& of_form : form->tensors) {
    quant::SourceTensor tensor;
    tensor.name = of_form.name;
    tensor.model_name = of_form.source.name;
    tensor.dtype = of_form.dtype;
    tensor.shape = of_form.shape;
    if (of_form.has_source_rows() && of_form.order == convert::RowOrder::same) {
      tensor.bytes = of_form.source.bytes;
    }
    tensor.read = [model, form, &of_form](int64_t row, std::span<float> out) {
      if (of_form.shape.size() > 1) return of_form.read_row(row, out);
      // A vector is one row to a Source, rows of one value to a form.
      for (size_t i = 0; i < out.size(); ++i) {
        of_form.read_row(static_cast<int64_t>(i), out.subspan(i, 1));
      }
    };
    tensor.release = [model, form, &of_form] {
      model->files().release_pages(of_form.source.bytes);
    };
    source.tensors.push_back(std::move(tensor));
  }
  return source;
}

quant::Quantizer open(std::shared_ptr<const Model> model, const QuantizeOptions& options,
                      const QuantizeControl& control, quant::Purpose purpose) {
  quant::Source source = model->files().format() == ModelFormat::gguf
                             ? quant::gguf_source(model->shared_files())
                             : converted_source(model);
  return {io::file_system(), std::move(model), std::move(source), options, control, purpose};
}

}  // namespace

QuantizePlan plan_quantize(std::shared_ptr<const Model> model, const QuantizeOptions& options,
                           const QuantizeControl& control) {
  return open(std::move(model), options, control, quant::Purpose::plan).plan();
}

QuantizeResult quantize(std::shared_ptr<const Model> model, const std::string& out,
                        const QuantizeOptions& options, const QuantizeControl& control) {
  return open(std::move(model), options, control, quant::Purpose::write).write(out);
}

}  // namespace nalar
