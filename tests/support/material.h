#pragma once

#include <optional>
#include <string>

namespace nalar::test {

// A file or folder of tests/golden. Fails the test when it is not there.
std::string golden(const std::string& name);
// A file or folder of the test material that is not shipped (environment NALAR_TEST_MATERIAL), or
// of the models that scripts/get_model fetches (NALAR_TEST_MODELS); nullopt when it is not there,
// and then the test leaves that part out.
std::optional<std::string> material(const std::string& name);
std::optional<std::string> real_model(const std::string& name);

std::string read_text(const std::string& path);
// A new empty folder below the system's temporary one, removed at exit.
std::string temporary_folder();

}  // namespace nalar::test
