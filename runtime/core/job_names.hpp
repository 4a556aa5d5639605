// The names of the jobs that were given one (set_task_name): few, and it costs the others nothing.
#pragma once

#include <rondo/runtime/core/job.hpp>

#include <string>
#include <unordered_map>
#include <utility>

namespace rondo::detail {

class job_names {
 public:
  void set(const job& j, std::string name) { names_[&j] = std::move(name); }
  // nullptr: it has none.
  const std::string* find(const job& j) const noexcept {
    const auto found = names_.find(&j);
    return found == names_.end() ? nullptr : &found->second;
  }
  // Gives its name away, for a job that has ended.
  std::string forget(const job& j) noexcept {
    const auto node = names_.extract(&j);
    return node ? std::move(node.mapped()) : std::string();
  }

 private:
  std::unordered_map<const job*, std::string> names_;
};

}  // namespace rondo::detail
