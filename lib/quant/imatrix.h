#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "quant/statistics.h"

namespace nalar::quant {

// llama.cpp's importance matrix in its GGUF form: of each matrix, by its GGUF name, the sums of the
// squares of its input's columns and how many inputs were added.
struct Imatrix {
  struct Entry {
    std::vector<float> sums;
    float count = 0;
  };
  std::map<std::string, Entry> entries;
  std::vector<std::string> datasets;  // names of the texts
  uint32_t chunk_count = 0;
  uint32_t chunk_size = 0;  // tokens
};

// Errors: no_input; bad_data, also for the older form (.dat) and for a matrix of experts.
Imatrix read_imatrix(io::FileSystem& files, const std::string& path);
// Whole or not at all. Errors: cannot_create, io.
void write_imatrix(io::FileSystem& files, const std::string& path, const Imatrix& imatrix);

// The statistics of a file.
class ImatrixStatistics final : public Statistics {
 public:
  explicit ImatrixStatistics(const Imatrix& imatrix);
  std::span<const float> importance(const std::string& matrix) override;
  const Hessian* hessian(const std::string&) override { return nullptr; }
  const std::map<std::string, std::vector<float>>& all() const { return means_; }

 private:
  std::map<std::string, std::vector<float>> means_;
};

}  // namespace nalar::quant
