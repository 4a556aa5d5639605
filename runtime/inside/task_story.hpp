// Where a job stands, with all that is around it: its awaits from the innermost outwards, where it
// was spawned, the awaits of the task that waits for it, and so on to the main task. Copied before
// a step, because nobody can follow frames that a step is changing.
#pragma once

#include <rondo/runtime/core/job.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

namespace rondo::detail {

class task_story {
 public:
  // A trivial copy, for a signal handler: no memory of its own.
  static constexpr std::size_t most_lines = 32;

  // Of a job at rest. `name`: nullptr when it has none.
  void tell(const job& j, const std::string* name) noexcept;

  std::string name() const { return name_.data(); }
  // The innermost await of the program's own; line 0 when there is none.
  std::source_location place() const noexcept;
  // A line each, after two spaces.
  void append_to(std::string& out) const;

 private:
  enum class how : std::uint8_t { after, awaited_in, spawned_at };
  struct line {
    std::source_location where;
    how because = how::after;
  };
  bool add(const std::source_location& where, how because) noexcept;

  std::array<line, most_lines> lines_;
  std::array<char, 48> name_{};
  std::size_t size_ = 0;
  bool cut_ = false;
};

// Where a job was spawned, if that is known; else the await of the program's own that started it.
struct job_origin {
  std::source_location where;  // line 0: not known, as of the main task
  bool spawned = false;
};
job_origin origin_of(const job& j) noexcept;

}  // namespace rondo::detail
