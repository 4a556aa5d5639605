#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <cinttypes>
#include <string_view>
#include <vector>

namespace rondo {
namespace {

using detail::job;
using detail::promise_base;

std::string_view file_of(const std::source_location& where) noexcept {
  const std::string_view path = where.file_name();
  return path.substr(path.find_last_of('/') + 1);
}

// "task<> ns::f(int) [T = …]" → "f(int)": the signature without its result, scopes kept.
std::string_view short_name(std::string_view function) noexcept {
  if (const std::size_t with = function.find(" ["); with != std::string_view::npos)
    function = function.substr(0, with);
  const std::size_t open = function.find('(');
  const std::size_t space = function.substr(0, open).rfind(' ');
  return space == std::string_view::npos ? function : function.substr(space + 1);
}

void append_place(std::string& out, const std::source_location& where) {
  out += file_of(where);
  out += ':';
  out += std::to_string(where.line());
}

bool is_library(const std::source_location& where) noexcept {
  const std::string_view file = where.file_name();
  return file.find("rondo/runtime/") != std::string_view::npos ||
         file.find("rondo/patterns/") != std::string_view::npos;
}

// That of the innermost co_await that is the program's own, not one in the library's scopes; else
// the outermost.
const promise_base* own_frame(const job& j) noexcept {
  const promise_base* p = j.leaf();
  while (p && p->parent && is_library(p->awaiting)) p = p->parent;
  return p;
}

class tree_writer final : public detail::wait_visitor, public detail::root_visitor {
 public:
  explicit tree_writer(const loop& l) noexcept : loop_(l) {}

  void line(const job& j, const char* role, const std::source_location* spawned_at) {
    out_.append(depth_ * 2, ' ');
    out_ += role;
    if (const std::string* name = loop_.name_of(j)) out_ += " \"" + *name + '"';
    if (spawned_at && spawned_at->line() != 0) {
      out_ += " (spawned at ";
      append_place(out_, *spawned_at);
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
    out_ += '\n';
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

  void root(const job& j, const char* role) override { line(j, role, nullptr); }

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
  // Scopes may be nested by the thousand; nobody reads so far.
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
    const bool whole = j.current_state() != job::state::running && !j.ended();
    const promise_base* p = whole ? own_frame(j) : nullptr;
    if (!p || p->awaiting.line() == 0) return;
    out_ += ", in ";
    out_ += short_name(p->awaiting.function_name());
    out_ += " at ";
    append_place(out_, p->awaiting);
  }
  const loop& loop_;
  std::string out_;
  std::vector<child_line> children_;
  std::size_t children_from_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

namespace detail {

step_place place_of_rest(const job& j) noexcept {
  const promise_base* p = own_frame(j);
  if (!p || p->awaiting.line() == 0 || is_library(p->awaiting)) return {};
  return {"before", p->awaiting, true};
}

step_place place_of_step(const job& j) noexcept {
  if (const step_place own = place_of_rest(j); own.is_latest_await)
    return {"after", own.where, true};
  for (const job* outer = &j; outer && outer->owner();) {
    const job_owner& owner = *outer->owner();
    if (const std::source_location* at = owner.spawned_where(); at && !is_library(*at))
      return {"in a task spawned at", *at};
    outer = owner.parent();
    if (!outer) break;
    if (const step_place rest = place_of_rest(*outer); rest.is_latest_await)
      return {"in a task awaited at", rest.where};
  }
  return {"the first of its task", {}};
}

void report_slow_step(const std::string& name, const step_place& from, nanoseconds took) {
  std::string line = "rondo: a step";
  if (!name.empty()) line += " of \"" + name + '"';
  line += " took " +
          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
          " ms, in which nobody else could run: ";
  line += from.how;
  if (from.where.line() != 0) {
    line += ' ';
    append_place(line, from.where);
    line += ", in ";
    line += short_name(from.where.function_name());
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

void report_never_awaited(std::coroutine_handle<> frame) noexcept {
  const promise_base& p =
      std::coroutine_handle<promise_base>::from_address(frame.address()).promise();
  const std::string_view name = short_name(p.awaiting.function_name());
  const std::string_view file = file_of(p.awaiting);
  std::fprintf(stderr, "rondo: a task was destroyed without ever being awaited: %.*s at %.*s:%u\n",
               static_cast<int>(name.size()), name.data(), static_cast<int>(file.size()),
               file.data(), p.awaiting.line());
}

}  // namespace detail

std::string detail::tree_of(const waitable& w) {
  tree_writer writer(this_loop());
  writer.children_of(w);
  return writer.take();
}

std::string task_tree() {
  const loop& l = this_loop();
  tree_writer w(l);
  l.for_each_root(w);
  return w.take();
}

void dump_tasks(std::FILE* to) {
  const std::string tree = task_tree();
  std::fwrite(tree.data(), 1, tree.size(), to);
  std::fflush(to);
}

void set_task_name(std::string name) {
  if (job* j = detail::surrounding_job(); j && !j->ended())
    this_loop().set_name(*j, std::move(name));
}

std::optional<std::chrono::nanoseconds> remaining_time() {
  detail::time_point nearest = detail::never;
  for (const job* j = detail::surrounding_job(); j && j->owner(); j = j->owner()->parent())
    nearest = std::min(nearest, j->owner()->deadline());
  if (nearest == detail::never) return std::nullopt;
  return std::max(nearest - this_loop().now(), detail::nanoseconds::zero());
}

}  // namespace rondo
