// A variable of the environment for the length of a test.
//
//   const environment_variable e("RONDO_REACTOR", "epoll");   // nullptr: without it
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace rondo_test {

class environment_variable {
 public:
  environment_variable(const char* name, const char* value) : name_(name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread when it makes these
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  environment_variable(const environment_variable&) = delete;
  environment_variable& operator=(const environment_variable&) = delete;
  ~environment_variable() { set(old_ ? old_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    if (value)
      ::setenv(name_.c_str(), value, 1);  // NOLINT(concurrency-mt-unsafe)
    else
      ::unsetenv(name_.c_str());  // NOLINT(concurrency-mt-unsafe)
  }

  std::string name_;
  std::optional<std::string> old_;
};

}  // namespace rondo_test
