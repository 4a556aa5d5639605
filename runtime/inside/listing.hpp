// What a loop tells of itself, asked by another thread: posted to the loop, which writes its tasks
// in slices of at most 64, a slice a turn, so that nobody waits long for it.
#pragma once

#include <rondo/runtime/core/remote_queue.hpp>
#include <rondo/runtime/inside/task_records.hpp>
#include <rondo/runtime/inside/watched_loop.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace rondo::detail {

inline constexpr std::size_t tasks_a_slice = 64;

class listing final : public remote_node {
 public:
  explicit listing(bool with_tasks) noexcept : with_tasks_(with_tasks) { mark_.of = nullptr; }
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

  // Asks `l` and waits until it has told everything, or has told nothing for 100 ms. False: that,
  // and `out` has what it told before.
  static bool of(const std::shared_ptr<watched_loop>& l, bool with_tasks, std::string& out);

 private:
  void run() noexcept override;   // on the loop
  void drop() noexcept override;  // it has ended
  void slice();
  void finish() noexcept;

  const bool with_tasks_;
  std::shared_ptr<watched_loop> loop_;
  std::shared_ptr<listing> self_;  // while the loop has it
  // On the loop's thread:
  task_record mark_;
  bool begun_ = false;

  std::mutex mutex_;
  std::condition_variable told_;
  std::string text_;
  std::uint64_t slices_ = 0;
  std::size_t largest_ = 0;
  nanoseconds longest_{};
  bool done_ = false;
  bool abandoned_ = false;
};

}  // namespace rondo::detail
