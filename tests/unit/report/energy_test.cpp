#include "report/energy.h"

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/material.h"

namespace nalar::report {
namespace {

class Powercap {
 public:
  void zone(const std::string& zone, const std::string& name, uint64_t range) {
    std::filesystem::create_directory(folder + "/" + zone);
    write(zone + "/name", name);
    write(zone + "/max_energy_range_uj", std::to_string(range));
  }
  void energy(const std::string& zone, uint64_t value) {
    write(zone + "/energy_uj", std::to_string(value));
  }

  const std::string folder = test::temporary_folder();

 private:
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder + "/" + file) << text << "\n";
  }
};

}  // namespace

TEST_CASE("energy is the sum of the packages since the start, over wrap-arounds") {
  Powercap p;
  p.zone("intel-rapl:0", "package-0", 10'000'000);
  p.zone("intel-rapl:1", "package-1", 10'000'000);
  p.zone("intel-rapl:2", "psys", 10'000'000);
  p.zone("intel-rapl:0:0", "core", 10'000'000);
  p.zone("intel-rapl-mmio:0", "package-0", 10'000'000);
  for (const char* zone :
       {"intel-rapl:0", "intel-rapl:1", "intel-rapl:2", "intel-rapl:0:0", "intel-rapl-mmio:0"}) {
    p.energy(zone, 9'000'000);
  }
  EnergyMeter meter(p.folder);
  CHECK(meter.joules() == 0.0);
  p.energy("intel-rapl:0", 9'500'000);
  p.energy("intel-rapl:1", 2'000'000);  // 1 J to the end of its range, 2 J after
  p.energy("intel-rapl:2", 9'900'000);
  CHECK(meter.joules() == Approx(3.5));
  p.energy("intel-rapl:1", 1'000'000);
  CHECK(meter.joules() == Approx(3.5 + 9));
  std::filesystem::remove(p.folder + "/intel-rapl:0/energy_uj");
  CHECK(meter.joules() == std::nullopt);
}

TEST_CASE("without a readable counter there is no energy") {
  CHECK(EnergyMeter("/nonexistent").joules() == std::nullopt);
  Powercap p;
  CHECK(EnergyMeter(p.folder).joules() == std::nullopt);
  p.zone("intel-rapl:0", "package-0", 10);  // no energy_uj, as without the right to read it
  CHECK(EnergyMeter(p.folder).joules() == std::nullopt);
}

}  // namespace nalar::report
