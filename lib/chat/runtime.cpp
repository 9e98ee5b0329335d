#include "chat/runtime.h"

#include <fmt/format.h>

#include "chat/builtins/builtin.h"
#include "chat/operators.h"

namespace nalar::chat {

Runtime::~Runtime() {
  for (const auto& object : kept_) object->release();
}

Value Runtime::call(const Value& callee, Arguments arguments) {
  if (callee.is_undefined()) fail(callee.undefined().message);
  if (!callee.is_object() || !callee.object().is_callable()) {
    fail(fmt::format("'{}' object is not callable", callee.type_name()));
  }
  budget_.step();
  return callee.object().call(*this, std::move(arguments));
}

Value Runtime::filter(std::string_view name, Arguments arguments) {
  const Builtin* builtin = find_filter(name);
  if (builtin == nullptr) fail(fmt::format("no filter named {}", quoted(name.substr(0, 100))));
  return invoke(*this, *builtin, std::move(arguments));
}

bool Runtime::test(std::string_view name, Arguments arguments) {
  const Builtin* builtin = find_test(name);
  if (builtin == nullptr) fail(fmt::format("no test named {}", quoted(name.substr(0, 100))));
  return truthy(*this, invoke(*this, *builtin, std::move(arguments)));
}

}  // namespace nalar::chat
