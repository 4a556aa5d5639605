#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/inspect.hpp>

#include <algorithm>
#include <cinttypes>
#include <string_view>
#include <vector>

namespace rondo {
namespace {

using detail::job;

class tree_writer final : public detail::wait_visitor {
 public:
  explicit tree_writer(const detail::loop_core& l) noexcept : loop_(l) {}

  void line(const job& j, const char* role, const std::source_location* spawned_at = nullptr) {
    out_.append(depth_ * 2, ' ');
    out_ += role;
    if (const std::string* name = loop_.name_of(j)) out_ += " \"" + *name + '"';
    if (spawned_at && spawned_at->line() != 0) {
      out_ += " (spawned at ";
      detail::append_place(out_, *spawned_at);
      out_ += ')';
    }
    out_ += ": ";
    ++depth_;
    children_from_ = children_.size();
    const detail::waitable* on = j.waiting_on();
    if (on)
      on->describe(*this);
    else
      out_ += state_of(j);
    append_where(j, on != nullptr || j.current_state() == job::state::parked);
    const std::vector<child_line> children(
        children_.begin() + static_cast<std::ptrdiff_t>(children_from_), children_.end());
    children_.resize(children_from_);
    if (depth_ < most_depth)
      for (const child_line& c : children) line(*c.j, c.role, c.spawned_at);
    else if (!children.empty())
      out_.append(depth_ * 2, ' ').append("…\n");
    --depth_;
  }

  void waits_for(const char* what, int fd) override {
    out_ += "waiting for ";
    out_ += what;
    if (fd >= 0) out_ += " on fd " + std::to_string(fd);
  }
  void child(const job& j, const char* role, const std::source_location* spawned_at) override {
    children_.push_back({&j, role, spawned_at});
  }

  // The jobs that `w` waits for.
  void children_of(const detail::waitable& w) {
    w.describe(*this);
    out_.clear();
    const std::vector<child_line> children = std::move(children_);
    children_.clear();
    for (const child_line& c : children) line(*c.j, c.role, c.spawned_at);
  }

  std::string take() { return std::move(out_); }

 private:
  // Scopes and awaits may be nested by the thousand; nobody reads so far.
  static constexpr std::size_t most_depth = 100;
  struct child_line {
    const job* j;
    const char* role;
    const std::source_location* spawned_at;
  };

  static const char* state_of(const job& j) noexcept {
    if (j.current_state() == job::state::parked)
      return "stopped, and its frames stay until the children have ended";
    if (j.stopping()) return "being cancelled";
    if (j.ended()) return "ended";
    return j.current_state() == job::state::running ? "running" : "ready";
  }
  void append_where(const job& j, bool at_rest) {
    if (at_rest) {
      const std::chrono::duration<double> since = loop_.now() - j.waiting_since();
      char text[32];
      std::snprintf(text, sizeof text, ", %.3f s", since.count());
      out_ += text;
    }
    // While a job runs, and afterwards, its leaf is where it rested last: that frame may be gone.
    std::size_t n = 0;
    if (j.current_state() != job::state::running && !j.ended())
      detail::for_each_await(j, [&](const std::source_location& where) {
        if (n == 0) {
          out_ += ", in ";
        } else {
          out_ += '\n';
          out_.append(depth_ * 2, ' ');
          if (n == most_depth) {
            out_ += "…";
            return false;
          }
          out_ += "awaited in ";
        }
        detail::append_await(out_, where);
        return ++n <= most_depth;
      });
    out_ += '\n';
  }
  const detail::loop_core& loop_;
  std::string out_;
  std::vector<child_line> children_;
  std::size_t children_from_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::string detail::tree_of(const waitable& w) {
  tree_writer writer(detail::this_core());
  writer.children_of(w);
  return writer.take();
}

std::string task_tree() {
  const detail::loop_core& l = detail::this_core();
  tree_writer w(l);
  if (const job* main = l.main_job(); main && !main->ended()) w.line(*main, "main");
  l.running_services().for_each([&](const job& j) { w.line(j, "service"); });
  return w.take();
}

void dump_tasks(std::FILE* to) {
  const std::string tree = task_tree();
  std::fwrite(tree.data(), 1, tree.size(), to);
  std::fflush(to);
}

void set_task_name(std::string name) {
  if (job* j = detail::surrounding_job(); j && !j->ended())
    detail::this_core().set_name(*j, std::move(name));
}

std::optional<std::chrono::nanoseconds> remaining_time() {
  detail::time_point nearest = detail::never;
  for (const job* j = detail::surrounding_job(); j && j->owner(); j = j->owner()->parent())
    nearest = std::min(nearest, j->owner()->deadline());
  if (nearest == detail::never) return std::nullopt;
  return std::max(nearest - detail::this_core().now(), detail::nanoseconds::zero());
}

}  // namespace rondo
