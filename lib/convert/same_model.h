#pragma once

#include <nalar/model_config.h>

#include <optional>
#include <string>

namespace nalar::convert {

// Where two configs of one model in two formats would compute different things: the field, or
// nullopt. Styles of rope and offsets of norms belong to the format and are not looked at; ropes
// are compared by their frequencies, to the precision of the formats' numbers.
std::optional<std::string> first_difference(const ModelConfig& a, const ModelConfig& b);

}  // namespace nalar::convert
