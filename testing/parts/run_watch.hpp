// run_watch: looks at a loop when everything in it has ended: no operation may be in flight then,
// and no timer armed.
#pragma once

#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/task.hpp>

#include <string>
#include <utility>

namespace rondo::test::detail {

class run_watch : public rondo::detail::loop_observer {
 public:
  run_watch() = default;
  run_watch(const run_watch&) = delete;
  run_watch& operator=(const run_watch&) = delete;

  void at_end(rondo::loop& l) noexcept override;
  // What was wrong at the end; empty when nothing was.
  const std::string& trouble() const noexcept { return trouble_; }

 protected:
  ~run_watch() = default;

 private:
  std::string trouble_;
};

class plain_run_watch final : public run_watch {};

// `t`, its loop watched from the first step.
template <class T>
task<T> watched(run_watch& watch, task<T> t) {
  rondo::detail::this_core().observe(watch);
  co_return co_await std::move(t);
}

}  // namespace rondo::test::detail
