// The error and the time of encode_row on rows of a file of raw fp32:
//   encode_bench FILE COLUMNS [--importance FILE [--search short]] [--types Q4_K,Q6_K] [--decoded
//   FILE]
// prints type, relative RMSE, the same weighted by importance, and µs of processor time a row.
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "kernels_support.h"
#include "quant/encode.h"

using namespace nalar;

namespace {

std::vector<float> read_floats(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::vector<float> v(static_cast<size_t>(in.tellg()) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(v.data()),
          static_cast<std::streamsize>(v.size() * sizeof(float)));
  return v;
}

struct Options {
  std::string file, types, decoded;
  size_t columns = 0;
  std::vector<float> importance;
  bool thorough = true;
};

void measure(DType type, const Options& options, const std::vector<float>& x) {
  const size_t columns = options.columns, rows = x.size() / columns;
  const BlockSize size = block_size(type);
  const size_t bytes =
      columns / static_cast<size_t>(size.elements) * static_cast<size_t>(size.bytes);
  std::vector<std::byte> out(rows * bytes);
  const std::clock_t start = std::clock();
  for (size_t r = 0; r < rows; ++r) {
    quant::encode_row(type, std::span(x).subspan(r * columns, columns),
                      {options.importance, options.thorough}, &out[r * bytes]);
  }
  const double time = 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::vector<float> y(x.size());
  for (size_t r = 0; r < rows; ++r) {
    quant::decode_row(type, &out[r * bytes], std::span(y).subspan(r * columns, columns));
  }
  double e = 0, of = 0, weighted = 0, weighted_of = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double d = double{x[i]} - double{y[i]}, xx = double{x[i]} * double{x[i]};
    const double w = options.importance.empty() ? 1 : options.importance[i % columns];
    e += d * d;
    of += xx;
    weighted += w * d * d;
    weighted_of += w * xx;
  }
  fmt::print("{:7} {:.6f} {:.6f} {:8.2f} us/row\n", name(type), std::sqrt(e / of),
             std::sqrt(weighted / weighted_of), time / static_cast<double>(rows));
  if (!options.decoded.empty()) {
    std::ofstream(options.decoded, std::ios::binary)
        .write(reinterpret_cast<const char*>(y.data()),
               static_cast<std::streamsize>(y.size() * sizeof(float)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc % 2 == 0) {
    fmt::print(stderr,
               "encode_bench FILE COLUMNS [--importance FILE [--search short]] [--types A,B] "
               "[--decoded FILE]\n");
    return 2;
  }
  Options options{.file = argv[1],
                  .types = {},
                  .decoded = {},
                  .columns = std::stoul(argv[2]),
                  .importance = {}};
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    if (key == "--importance") options.importance = read_floats(argv[i + 1]);
    if (key == "--search") options.thorough = std::string_view(argv[i + 1]) != "short";
    if (key == "--types") options.types = "," + std::string(argv[i + 1]) + ",";
    if (key == "--decoded") options.decoded = argv[i + 1];
  }
  const auto x = read_floats(options.file);
  for (const DType type : test::kWeightTypes) {
    if (!is_quantized(type) || !quant::fits(type, static_cast<int64_t>(options.columns))) continue;
    if (!options.types.empty() &&
        options.types.find("," + std::string(name(type)) + ",") == std::string::npos) {
      continue;
    }
    measure(type, options, x);
  }
}
