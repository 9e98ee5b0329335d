#include <nalar/error.h>
#include <nalar/quantize.h>

namespace nalar {

void QuantizeOptions::validate() const {
  const auto refuse = [](bool bad, const char* what) {
    if (bad) throw Error(ErrorKind::usage, what);
  };
  refuse(target_bytes && target_bpw, "--target-size and --target-bpw exclude each other");
  refuse(target_bytes && *target_bytes <= 0, "--target-size: need more than 0 bytes");
  refuse(target_bpw && !(*target_bpw > 0 && *target_bpw <= 32),
         "--target-bpw: need a number of bits above 0, at most 32");
  refuse((target_bytes || target_bpw) && pure, "--pure has no meaning with a target");
  refuse(calibration && imatrix, "--calibrate and --imatrix exclude each other");
  refuse(write_imatrix && !calibration, "--write-imatrix needs --calibrate");
  refuse(!feedback && !calibration, "--no-feedback needs --calibrate");
  refuse(threads < 0, "--threads: need 0 or more");
}

}  // namespace nalar
