#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/inside/json_text.hpp>
#include <rondo/runtime/inside/listing.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

namespace rondo::detail {
namespace {

constexpr std::chrono::milliseconds patience_with_a_loop{100};
constexpr std::size_t most_awaits_listed = 50;

std::int64_t microseconds_of(nanoseconds d) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

void append_place_json(std::string& out, const std::source_location& where) {
  std::string text;
  append_place(text, where);
  append_json_text(out, text);
}

// One task as a line of JSON.
class task_line final : public wait_visitor {
 public:
  task_line(std::string& out, const loop_core& l, const task_records& all)
      : out_(out), loop_(l), all_(all) {}

  void write(const task_record& r) {
    const job& j = *r.of;
    json_object line(out_);
    line_ = &line;
    line.number("task", r.id);
    if (&j == loop_.main_job()) line.yes("main");
    const job* const parent = j.owner() ? j.owner()->parent() : nullptr;
    if (const task_record* p = all_.find(parent)) line.number("parent", p->id);
    if (const std::string* name = loop_.name_of(j)) line.text("name", *name);
    line.text("state", state_of(j));
    if (const waitable* on = j.waiting_on()) {
      on->describe(*this);
      line.number("since_us", microseconds_of(loop_.now() - j.waiting_since()));
      write_uses(*on);
    }
    line.number("age_us", microseconds_of(loop_.now() - r.born));
    line.number("steps", r.steps).number("busy_us", microseconds_of(r.busy));
    if (r.origin.where.line() != 0)
      append_place_json(line.key(r.origin.spawned ? "spawned" : "awaited"), r.origin.where);
    write_chain(j);
  }

 private:
  void waits_for(const char* what, int fd) override {
    line_->text("for", what);
    if (fd >= 0) line_->number("fd", fd);
  }
  // Each says itself whose it is.
  void child(const job&, const char*, const std::source_location*) override {}
  void size(std::size_t now, std::size_t most) override {
    line_->number("size", now);
    if (most != static_cast<std::size_t>(-1)) line_->number("most", most);
  }
  void held_by(const job* owner) override {
    if (const task_record* r = all_.find(owner)) line_->number("held_by", r->id);
  }

  static const char* state_of(const job& j) noexcept {
    if (j.current_state() == job::state::parked) return "parked";
    if (j.stopping()) return "being cancelled";
    return j.current_state() == job::state::waiting ? "waiting" : "ready";
  }
  void write_uses(const waitable& on) {
    const wait_end end = on.end();
    const line_uses* const uses = end.of ? all_.uses_of(end.of) : nullptr;
    if (!uses) return;
    const line_use& other = end.gives ? uses->taken : uses->given;
    if (other.where.line() == 0) return;
    line_->text("other_end", end.gives ? "taken" : "given");
    if (other.task != 0) line_->number("other_task", other.task);
    append_place_json(line_->key("other_at"), other.where);
    line_->number("other_us", microseconds_of(loop_.now() - other.when));
  }
  void write_chain(const job& j) {
    std::string& out = line_->key("chain");
    out += '[';
    std::size_t n = 0;
    for_each_await(j, [&](const std::source_location& where) {
      if (n++ > 0) out += ',';
      std::string text;
      append_await(text, where);
      append_json_text(out, text);
      return n < most_awaits_listed;
    });
    out += ']';
  }

  std::string& out_;
  const loop_core& loop_;
  const task_records& all_;
  json_object* line_ = nullptr;
};

// At work: what else runs on the machine is not in it.
nanoseconds thread_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

// Pools, servers: an object a line.
class shown_lines final : public shown_visitor {
 public:
  explicit shown_lines(std::string& out) noexcept : out_(out) {}
  void line(const char* what, std::string_view name) override {
    line_.reset();
    line_.emplace(out_).text("shown", what);
    if (!name.empty()) line_->text("name", name);
  }
  void number(const char* name, std::uint64_t n) override { line_->number(name, n); }

 private:
  std::string& out_;
  std::optional<json_object> line_;
};

}  // namespace

bool listing::of(const std::shared_ptr<watched_loop>& l, bool with_tasks, std::string& out) {
  const auto asked = std::make_shared<listing>(with_tasks);
  asked->loop_ = l;
  asked->self_ = asked;
  if (!l->box()->post(*asked)) {
    asked->self_.reset();
    return true;  // it has ended
  }
  std::unique_lock lock(asked->mutex_);
  for (;;) {
    const std::uint64_t before = asked->slices_;
    const bool told = asked->told_.wait_for(
        lock, patience_with_a_loop, [&] { return asked->done_ || asked->slices_ != before; });
    asked->abandoned_ = !told;
    const bool done = asked->done_;
    std::string part;
    part.swap(asked->text_);
    lock.unlock();  // the loop need not wait while much is copied
    out += part;
    if (done || !told) return done;
    lock.lock();
  }
}

void listing::finish() noexcept {
  if (mark_.linked()) mark_.unlink();
  const std::shared_ptr<listing> last = std::move(self_);
  {
    const std::scoped_lock lock(mutex_);
    done_ = true;
  }
  told_.notify_all();
}

void listing::drop() noexcept { finish(); }

void listing::run() noexcept {
  bool more = false;
  try {
    const std::size_t slices = slices_;
    slice();
    more = mark_.linked() && slices_ != slices;
  } catch (const std::bad_alloc&) {
    more = false;
  }
  if (!more || !loop_->box()->post(*this)) finish();
}

void listing::slice() {
  const nanoseconds begun = thread_time();
  const loop_core& core = this_core();
  task_records* const all = this_core().watch() ? this_core().watch()->records() : nullptr;
  std::string text;
  if (!std::exchange(begun_, true)) {
    const loop_stats s = this_loop().stats();
    json_object line(text);
    line.number("loop", loop_->id()).number("thread", loop_->thread());
    line.text("reactor", loop_->reactor()).number("tasks", all ? all->size() : 0);
    line.number("turns", s.turns).number("steps", s.steps);
    line.number("system_calls", s.system_calls).number("submissions", s.submissions);
    line.number("completions", s.completions).number("wakes", s.wakes);
    line.number("timers", this_core().timers().size());
    line.number("threads", this_core().threads().awaited());
    line.number("frames", frames_alive());
    line.end();
    if (step_watch* const watch = this_core().watch()) {
      shown_lines lines(text);
      watch->shows().for_each([&](const shown& s) { s.tell(lines); });
    }
    if (all && with_tasks_) all->mark(mark_);
  }
  std::size_t n = 0;
  bool more = false;
  if (mark_.linked()) {
    task_line writer(text, core, *all);
    const task_record* r = nullptr;
    while (n < tasks_a_slice && (r = all->next(mark_))) {
      writer.write(*r);
      ++n;
    }
    more = r != nullptr;
  }
  const std::scoped_lock lock(mutex_);
  if (!more || abandoned_) {
    if (mark_.linked()) mark_.unlink();
  }
  ++slices_;
  largest_ = std::max(largest_, n);
  longest_ = std::max(longest_, thread_time() - begun);
  text_ += text;
  if (!mark_.linked() && with_tasks_) {
    json_object line(text_);
    line.number("listed", loop_->id()).number("slices", slices_).number("largest_slice", largest_);
    line.number("longest_slice_us", microseconds_of(longest_));
  }
  told_.notify_all();
}

}  // namespace rondo::detail
