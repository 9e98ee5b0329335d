#pragma once

#include <nalar/json.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nalar::eval {

// A field of a task file that makes something of a row (doc_to_text …): the name of a column, or
// a Jinja template, run as lm-evaluation-harness runs it (no trimming of blocks, an undefined
// variable is an error), or a constant. Immutable.
class Field {
 public:
  // `key`: what it is called in the task file, for messages. Errors: bad_data.
  Field(Json spec, std::string key);
  ~Field();
  Field(Field&&) noexcept;
  Field& operator=(Field&&) noexcept;

  // The column's value; or the template's text; or the constant. Errors: bad_data "field KEY: …".
  Json of(const Json& row) const;
  // The name of the column that it is of this row.
  std::optional<std::string_view> column(const Json& row) const;
  // Whether of() is a template's text.
  bool renders(const Json& row) const;
  const std::string& key() const { return key_; }

 private:
  struct Template;
  Json spec_;
  std::string key_;
  std::unique_ptr<const Template> template_;
};

}  // namespace nalar::eval
