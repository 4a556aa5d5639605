#include "support/run_on.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>

namespace rondo_test {
namespace {

std::string what(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "not a std::exception";
  }
}

rondo::task<> nothing() { co_return; }

}  // namespace

std::string name_of(rondo::reactor_kind kind) {
  switch (kind) {
    case rondo::reactor_kind::epoll: return "epoll";
    case rondo::reactor_kind::io_uring: return "io_uring";
    case rondo::reactor_kind::simulated: return "simulated";
    case rondo::reactor_kind::automatic: break;
  }
  return "automatic";
}

std::string missing(rondo::reactor_kind kind) {
  try {
    rondo::run(nothing(), rondo::run_options().reactor(kind));
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

rondo::run_options options_for(rondo::reactor_kind kind) {
  return rondo::run_options().reactor(kind).on_unhandled([](const std::exception_ptr& e) {
    ADD_FAILURE() << "an exception that nobody awaits: " << what(e);
  });
}

void loop_watch::at_end(rondo::loop& l) noexcept {
  const rondo::loop_stats s = l.stats();
  EXPECT_EQ(s.submissions, s.completions) << "operations were in flight when everything had ended";
  EXPECT_EQ(rondo::detail::this_core().timers().size(), 0U)
      << "timers were armed when everything had ended";
}

}  // namespace rondo_test
