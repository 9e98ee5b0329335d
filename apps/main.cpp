#include <cstdio>
#include <nalar/version.h>

int main() {
  std::printf("nalar %s\n", nalar::version_info().version.c_str());
  return 0;
}
