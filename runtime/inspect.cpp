#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/inspect.hpp>

#include <algorithm>
#include <cinttypes>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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
    if (const auto name = loop_.shown_name(j)) out_ += " \"" + *name + '"';
    if (spawned_at && spawned_at->line() != 0) {
      out_ += " (spawned at ";
      detail::append_place(out_, *spawned_at);
      out_ += ')';
    }
    out_ += ": ";
    written_.push_back({&j, role, spawned_at});
    ++depth_;
    children_from_ = children_.size();
    const detail::waitable* on = j.waiting_on();
    what_ = nullptr;
    holder_ = nullptr;
    if (on)
      on->describe(*this);
    else
      out_ += state_of(j);
    append_where(j, on != nullptr || j.current_state() == job::state::parked);
    if (on && holder_) holds_.push_back({&j, holder_, what_, out_.size(), depth_});
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
    what_ = what;
    out_ += "waiting for ";
    out_ += what;
    if (fd >= 0) out_ += " on fd " + std::to_string(fd);
  }
  void child(const job& j, const char* role, const std::source_location* spawned_at) override {
    children_.push_back({&j, role, spawned_at});
  }
  void held_by(const job* owner) override { holder_ = owner; }

  // The jobs that `w` waits for.
  void children_of(const detail::waitable& w) {
    w.describe(*this);
    out_.clear();
    const std::vector<child_line> children = std::move(children_);
    children_.clear();
    for (const child_line& c : children) line(*c.j, c.role, c.spawned_at);
  }

  std::string take() {
    if (!holds_.empty()) name_holders();
    return std::move(out_);
  }

 private:
  // Scopes and awaits may be nested by the thousand; nobody reads so far.
  static constexpr std::size_t most_depth = 100;
  struct child_line {
    const job* j;
    const char* role;
    const std::source_location* spawned_at;
  };
  // A job that waits for what another holds. The holder is an address alone until it is found among
  // those that have been written: it may have ended.
  struct hold {
    const job* waiter;
    const job* holder;
    const char* what;
    std::size_t at;  // behind the waiter's lines
    std::size_t depth;
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

  std::string called(const child_line& c) const {
    std::string text = c.role;
    if (const auto name = loop_.shown_name(*c.j)) return text + " \"" + *name + '"';
    if (c.spawned_at && c.spawned_at->line() != 0) {
      text += " (spawned at ";
      detail::append_place(text, *c.spawned_at);
      return text + ')';
    }
    // A body, a branch: named by what is around it.
    const auto around = c.j->owner() ? by_job_.find(c.j->owner()->parent()) : by_job_.end();
    return around == by_job_.end() ? text : text + " of " + called(*around->second);
  }
  void name_holders() {
    for (const child_line& c : written_) by_job_.emplace(c.j, &c);
    std::erase_if(holds_, [&](const hold& h) { return !by_job_.contains(h.holder); });
    for (auto h = holds_.rbegin(); h != holds_.rend(); ++h)
      out_.insert(h->at, std::string(h->depth * 2, ' ') + "held by " +
                             called(*by_job_.at(h->holder)) + '\n');
    name_circles();
  }
  // From job to job along what must happen first: the holder gives back, and in a scope the child
  // that waits for a holder goes on.
  void name_circles() {
    std::unordered_map<const job*, const hold*> held;
    std::unordered_map<const job*, const job*> inside;
    for (const hold& h : holds_) {
      held.emplace(h.waiter, &h);
      const job* parent = nullptr;
      for (const job* at = h.waiter; at->owner(); at = parent) {
        parent = at->owner()->parent();
        if (!parent || !inside.emplace(parent, at).second) break;
      }
    }
    std::unordered_set<const job*> named;
    for (const hold& h : holds_) {
      std::vector<const job*> path;
      for (const job* at = h.waiter; at;) {
        if (const auto seen = std::find(path.begin(), path.end(), at); seen != path.end()) {
          path.erase(path.begin(), seen);
          if (named.insert(at).second) name_circle(path, held);
          named.insert(path.begin(), path.end());
          break;
        }
        path.push_back(at);
        const auto waits = held.find(at);
        const auto child = inside.find(at);
        at = waits != held.end()     ? waits->second->holder
             : child != inside.end() ? child->second
                                     : nullptr;
      }
    }
  }
  void name_circle(const std::vector<const job*>& circle,
                   const std::unordered_map<const job*, const hold*>& held) {
    out_ += "DEADLOCK: ";
    bool first = true;
    for (const job* j : circle) {
      const auto waits = held.find(j);
      if (waits == held.end()) continue;
      if (!std::exchange(first, false)) out_ += "; ";
      const hold& h = *waits->second;
      out_ += called(*by_job_.at(j)) + " waits for " + h.what + " that " +
              called(*by_job_.at(h.holder)) + " holds";
    }
    out_ += '\n';
  }

  const detail::loop_core& loop_;
  std::string out_;
  std::vector<child_line> written_;
  std::unordered_map<const job*, const child_line*> by_job_;  // once all are written
  std::vector<hold> holds_;
  const char* what_ = nullptr;
  const job* holder_ = nullptr;  // of what the job waits for that is being written
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
