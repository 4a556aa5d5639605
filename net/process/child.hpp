// A process that was started, of the system or of the simulation, and the service that looks after
// it: whatever becomes of the object that its user has, it is awaited, and reaped. Internal.
//
//   runs ── ends by itself, or stop_child ──► ended is set, with the status
//    └── its owner goes, or the run ends: SIGTERM, grace, SIGKILL ──► the same
#pragma once

#include <rondo/net/process.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/scope.hpp>

#include <sys/types.h>

#include <memory>
#include <string>

namespace rondo::net::detail {

class child {
 public:
  child(std::string program, rondo::detail::nanoseconds grace)
      : program_(std::move(program)), grace_(grace) {}
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  virtual ~child() = default;

  virtual pid_t pid() const noexcept = 0;
  // 0 or a negative errno. Only before it has ended.
  virtual int send(int signal) noexcept = 0;
  // Completes when it has ended, or may have.
  virtual task<> look() = 0;
  // Takes its status, if it has ended: then `ended` is set.
  virtual void conclude() noexcept = 0;

  const std::string& program() const noexcept { return program_; }
  rondo::detail::nanoseconds grace() const noexcept { return grace_; }
  bool has_ended() const noexcept { return ended_.is_set(); }
  exit_status status() const noexcept { return status_; }
  // Not 0: an errno; something else has taken the status.
  int lost() const noexcept { return lost_; }
  auto end() noexcept { return ended_.wait(); }
  // Sends SIGTERM, the first time.
  void ask() noexcept;
  // Its owner has gone.
  void abandon() noexcept { owned_.cancel(); }

 protected:
  bool was_asked() const noexcept { return asked_; }
  void set_ended(exit_status s, int lost = 0) noexcept {
    status_ = s;
    lost_ = lost;
    ended_.set();
  }

 private:
  friend task<> watch(std::shared_ptr<child> c);

  std::string program_;
  rondo::detail::nanoseconds grace_;
  event ended_;
  cancel_scope owned_;
  exit_status status_;
  int lost_ = 0;
  bool asked_ = false;
};

// From here on the loop watches it. Throws std::bad_alloc.
void look_after(const std::shared_ptr<child>& c);

// SIGTERM, its grace, SIGKILL; completes when it has ended.
task<> stop_child(std::shared_ptr<child> c);

}  // namespace rondo::net::detail
