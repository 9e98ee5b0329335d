#include "chat/budget.h"

namespace nalar::chat {

void fail(const std::string& message) { throw Failure(message); }

void Budget::out_of_steps() { fail("template step limit reached"); }
void Budget::too_long() { fail("template output limit reached"); }
void Budget::too_deep() { fail("template too deep"); }

}  // namespace nalar::chat
