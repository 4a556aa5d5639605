#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/inside/task_story.hpp>

#include <algorithm>
#include <utility>

namespace rondo::detail {

void task_story::tell(const job& j, const std::string* name) noexcept {
  size_ = 0;
  cut_ = false;
  name_[0] = '\0';
  if (name) {
    const std::size_t n = std::min(name->size(), name_.size() - 1);
    std::copy_n(name->data(), n, name_.data());
    name_[n] = '\0';
  }
  how because = how::after;
  for (const job* at = &j; at && !cut_;) {
    for_each_await(*at, [&](const std::source_location& where) {
      // The library's own innermost says nothing where others follow.
      return is_library(where) || add(where, std::exchange(because, how::awaited_in));
    });
    because = how::awaited_in;
    const job_owner* owner = at->owner();
    if (!owner) break;
    if (const std::source_location* spawned = owner->spawned_where(); spawned)
      add(*spawned, how::spawned_at);
    at = owner->parent();
  }
}

bool task_story::add(const std::source_location& where, how because) noexcept {
  if (size_ == most_lines) {
    cut_ = true;
    return false;
  }
  lines_[size_++] = {where, because};
  return true;
}

std::source_location task_story::place() const noexcept {
  return size_ > 0 ? lines_[0].where : std::source_location();
}

void task_story::append_to(std::string& out) const {
  for (std::size_t i = 0; i < size_; ++i) {
    const line& l = lines_[i];
    out += l.because == how::after        ? "  after "
           : l.because == how::awaited_in ? "  awaited in "
                                          : "  spawned ";
    if (l.because == how::spawned_at) {
      out += "at ";
      append_place(out, l.where);
    } else {
      append_await(out, l.where);
    }
    out += '\n';
  }
  if (size_ == 0) out += "  in the first step of its task\n";
  if (cut_) out += "  …\n";
}

job_origin origin_of(const job& j) noexcept {
  for (const job* at = &j; at && at->owner();) {
    const job_owner& owner = *at->owner();
    if (const std::source_location* spawned = owner.spawned_where();
        spawned && !is_library(*spawned))
      return {*spawned, true};
    at = owner.parent();
    if (!at) break;
    const promise_base* p = own_frame(*at);
    if (p && p->awaiting.line() != 0 && !is_library(p->awaiting)) return {p->awaiting, false};
  }
  return {};
}

}  // namespace rondo::detail
