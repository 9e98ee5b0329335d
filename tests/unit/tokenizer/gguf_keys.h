#pragma once

#include <nalar/tokenizer.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.h"
#include "tokenizer/gguf_vocab.h"

namespace nalar::test {

// The keys of a GGUF file, made in memory.
class GgufKeys {
 public:
  void set_strings(const std::string& key, const std::vector<std::string>& items) {
    std::string bytes;
    for (const std::string& item : items) {
      append(bytes, static_cast<uint64_t>(item.size()));
      bytes += item;
    }
    set_array(key, io::GgufType::string, items.size(), std::move(bytes));
  }
  void set_floats(const std::string& key, const std::vector<float>& items) {
    std::string bytes;
    for (const float item : items) append(bytes, item);
    set_array(key, io::GgufType::f32, items.size(), std::move(bytes));
  }
  void set_integers(const std::string& key, const std::vector<int32_t>& items) {
    std::string bytes;
    for (const int32_t item : items) append(bytes, item);
    set_array(key, io::GgufType::i32, items.size(), std::move(bytes));
  }
  void set_bytes(const std::string& key, const std::string& bytes) {
    set_array(key, io::GgufType::u8, bytes.size(), bytes);
  }
  void set(const std::string& key, uint32_t value) { set_scalar(key, io::GgufType::u32, value); }
  void set(const std::string& key, int32_t value) { set_scalar(key, io::GgufType::i32, value); }
  void set(const std::string& key, bool value) {
    set_scalar(key, io::GgufType::boolean, static_cast<uint8_t>(value));
  }
  void set(const std::string& key, const char* value) {
    put(key, io::GgufType::string, io::GgufType::u8, 1, value);
  }
  void erase(const std::string& key) {
    std::erase_if(items_, [&](const Item& item) { return item.key == key; });
  }

  // Borrows from this.
  io::GgufMetadata metadata() const {
    io::GgufMetadata m;
    for (const Item& item : items_) {
      m.add(item.key, {item.type, item.element, item.count, std::as_bytes(std::span(item.bytes))});
    }
    return m;
  }
  // A tokenizer that borrows from this.
  std::shared_ptr<const Tokenizer> tokenizer() const {
    return std::make_shared<tokenizer::PipelineTokenizer>(tokenizer::gguf_pipeline(metadata()));
  }

 private:
  struct Item {
    std::string key;
    io::GgufType type, element;
    uint64_t count;
    std::string bytes;
  };

  template <typename T>
  static void append(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <typename T>
  void set_scalar(const std::string& key, io::GgufType type, T value) {
    std::string bytes;
    append(bytes, value);
    put(key, type, io::GgufType::u8, 1, std::move(bytes));
  }
  void set_array(const std::string& key, io::GgufType element, uint64_t count, std::string bytes) {
    put(key, io::GgufType::array, element, count, std::move(bytes));
  }
  void put(const std::string& key, io::GgufType type, io::GgufType element, uint64_t count,
           std::string bytes) {
    erase(key);
    items_.push_back({key, type, element, count, std::move(bytes)});
  }

  std::deque<Item> items_;
};

// A byte-level vocabulary: <|end|>, the 256 bytes, then the merges' results; and "<|im_start|>",
// "<user>".
GgufKeys byte_level_keys(const std::vector<std::string>& merges, const std::string& pre = "gpt-2");
// A SentencePiece vocabulary: <unk> <s> </s>, 256 byte tokens, then pieces with these scores.
GgufKeys sentencepiece_keys(const std::vector<std::pair<std::string, float>>& pieces);

}  // namespace nalar::test
