// Something to wait for that comes by hand.
#pragma once

#include "job.hpp"

namespace tour {

// begin letter
// Comes when somebody says so.
struct letter final : stoppable {
  void arrive() { waits_->wake(); }
  void let_go() override { waits_->wake_stopped(); }
  void await_resume() const {}

 private:
  void begin() override {}
};
// end letter

}  // namespace tour
