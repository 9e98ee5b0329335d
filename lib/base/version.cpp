#include <nalar/version.h>

#include "base/build_info.h"

namespace nalar {

VersionInfo version_info() { return {NALAR_VERSION, NALAR_COMMIT, NALAR_COMPILER}; }

}  // namespace nalar
