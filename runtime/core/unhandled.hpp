// Where exceptions go that nobody is there to take: run_options::on_unhandled.
#pragma once

#include <exception>
#include <memory>

namespace rondo::detail {

class unhandled_sink {
 public:
  virtual ~unhandled_sink() = default;
  virtual void take(std::exception_ptr e) = 0;
};

// Gives it to `to`; prints it when there is none. From any thread.
void report_unhandled(const std::shared_ptr<unhandled_sink>& to, std::exception_ptr e) noexcept;
// Gives it to that of the loop that runs here; prints it where none does.
void report_unhandled(std::exception_ptr e) noexcept;

}  // namespace rondo::detail
