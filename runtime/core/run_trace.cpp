// The format is Chrome's "Trace Event Format", which Perfetto reads: a loop is a process, a task a
// thread, that is a track; what a task did is a complete event ("X") with a beginning and a
// duration in microseconds. Around all is the task's life; in it steps and awaits take turns.
#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/core/run_trace.hpp>
#include <rondo/runtime/log.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>
#include <unordered_map>

namespace rondo::detail {
namespace {

constexpr std::size_t trace_bytes_held = std::size_t{1} << 20;

// --- the file ------------------------------------------------------------------------------------

// Several loops may write to one file, and one after the other: what is there is whole after each.
// The first of the process begins it anew.
void append_to_trace(const std::string& path, std::string_view events) {
  static constexpr std::string_view head = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  static constexpr std::string_view tail = "\n]}\n";
  static std::mutex mutex;
  static std::set<std::string> begun;
  const std::lock_guard lock(mutex);
  std::FILE* file = begun.contains(path) ? std::fopen(path.c_str(), "r+e") : nullptr;
  const bool first = !file;  // or it has gone meanwhile
  if (first) file = std::fopen(path.c_str(), "we");
  bool good = file != nullptr;
  const auto put = [&](std::string_view text) {
    good = good && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  };
  if (good && !first) good = std::fseek(file, -static_cast<long>(tail.size()), SEEK_END) == 0;
  put(first ? head : ",\n");
  put(events);
  put(tail);
  const int error = errno;
  if (file && std::fclose(file) != 0) good = false;
  if (good) {
    if (first) begun.insert(path);
    return;
  }
  const std::string reason = std::generic_category().message(error);
  log(log_level::warning, "runtime", "the trace cannot be written to " + path + ": " + reason,
      {{"path", path}, {"reason", reason}});
}

// --- JSON ----------------------------------------------------------------------------------------

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escaped.data();
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// Microseconds, exact to the nanosecond.
void append_microseconds(std::string& out, nanoseconds d) {
  std::array<char, 32> text{};
  const long long ns = d.count();
  std::snprintf(text.data(), text.size(), "%lld.%03lld", ns / 1000, ns % 1000);
  out += text.data();
}

// What a job waits for, in words.
class wait_name final : public wait_visitor {
 public:
  void waits_for(const char* what, int fd) override {
    if (!name.empty()) return;
    name = what;
    if (fd >= 0) name += " on fd " + std::to_string(fd);
  }
  void child(const job&, const char*, const std::source_location*) override {}
  std::string name;
};

class run_tracer final : public loop_observer {
 public:
  run_tracer(loop_core& l, std::string path)
      : loop_(&l), path_(std::move(path)), origin_(l.simulated() ? l.now() : process_origin()) {
    event("M", "process_name", 0);
    std::string name = "loop " + std::to_string(l.id()) + " on " + std::string(l.io().name());
    argument("name", name);
    end_event();
  }
  run_tracer(const run_tracer&) = delete;
  run_tracer& operator=(const run_tracer&) = delete;
  ~run_tracer() = default;

  void before_step(job& j) noexcept override {
    guarded([&] {
      step_began_ = now();
      const auto [at, fresh] = tracks_.try_emplace(&j);
      track& t = at->second;
      if (fresh) begin(t, j);
      if (t.rests.empty()) return;
      slice(t, t.rests, "await", t.rested, step_began_);
      if (!t.where.empty()) argument("at", t.where);
      end_event();
      t.rests.clear();
    });
  }

  void after_step(job& j) noexcept override {
    guarded([&] {
      track& t = end_step(j);
      wait_name what;
      if (const waitable* on = j.waiting_on())
        on->describe(what);
      else
        what.name = "its turn";
      t.rests = std::move(what.name);
      t.rested = step_ended_;
      t.where.clear();
      if (const promise_base* p = own_frame(j); p && p->awaiting.line() != 0)
        append_place(t.where, p->awaiting);
    });
  }

  void after_last_step(job& j) noexcept override {
    guarded([&] {
      track& t = end_step(j);
      if (const std::string* name = loop_->name_of(j)) t.name = *name;
      slice(t, t.name, "task", t.began, step_ended_);
      argument("end", j.stopped() ? "cancelled" : "returned or threw");
      if (!t.spawned.empty()) argument("spawned at", t.spawned);
      end_event();
      event("M", "thread_name", t.number);
      argument("name", t.name);
      end_event();
      tracks_.erase(&j);
    });
  }

  void at_end(loop&) noexcept override {
    guarded([&] { flush(); });
  }
  bool wants_names() const noexcept override { return true; }

 private:
  struct track {
    std::uint64_t number = 0;
    std::string name;
    std::string spawned;
    nanoseconds began{};
    std::string rests;  // what it waits for; empty while it runs
    std::string where;
    nanoseconds rested{};
  };

  // All loops of the process count from one moment.
  static time_point process_origin() {
    static const time_point first = steady::now();
    return first;
  }
  nanoseconds now() const noexcept {
    return (loop_->simulated() ? loop_->now() : steady::now()) - origin_;
  }

  template <class Fn>
  void guarded(Fn fn) noexcept {
    if (broken_) return;
    try {
      fn();
    } catch (...) {
      broken_ = true;
      log(log_level::warning, "runtime", "no memory for the trace: it ends here");
    }
  }

  void begin(track& t, const job& j) {
    t.number = ++tracks_seen_;
    t.began = step_began_;
    if (&j == loop_->main_job()) t.name = "main: ";
    if (const promise_base* p = own_frame(j)) t.name += short_name(p->awaiting.function_name());
    const std::source_location* at = j.owner() ? j.owner()->spawned_where() : nullptr;
    if (at && at->line() != 0) append_place(t.spawned, *at);
  }
  // Of the job whose step has ended.
  track& end_step(const job& j) {
    step_ended_ = now();
    track& t = tracks_[&j];
    slice(t, "step", "step", step_began_, step_ended_);
    end_event();
    return t;
  }

  void slice(const track& t, std::string_view name, std::string_view kind, nanoseconds from,
             nanoseconds to) {
    event("X", name, t.number);
    text_.append(",\"cat\":\"").append(kind).append("\",\"ts\":");
    append_microseconds(text_, from);
    text_ += ",\"dur\":";
    append_microseconds(text_, to - from);
  }
  void event(std::string_view phase, std::string_view name, std::uint64_t number) {
    if (!text_.empty()) text_ += ",\n";
    text_.append("{\"ph\":\"").append(phase).append("\",\"pid\":");
    text_.append(std::to_string(loop_->id())).append(",\"tid\":").append(std::to_string(number));
    text_ += ",\"name\":";
    append_json_string(text_, name);
  }
  void argument(std::string_view name, std::string_view value) {
    text_ += in_arguments_ ? "," : ",\"args\":{";
    in_arguments_ = true;
    append_json_string(text_, name);
    text_ += ':';
    append_json_string(text_, value);
  }
  void end_event() {
    text_ += in_arguments_ ? "}}" : "}";
    in_arguments_ = false;
    if (text_.size() >= trace_bytes_held) flush();
  }
  void flush() {
    if (text_.empty()) return;
    append_to_trace(path_, text_);
    text_.clear();
  }

  loop_core* loop_;
  std::string path_;
  time_point origin_;
  std::unordered_map<const job*, track> tracks_;
  std::uint64_t tracks_seen_ = 0;
  nanoseconds step_began_{};
  nanoseconds step_ended_{};
  std::string text_;
  bool in_arguments_ = false;
  bool broken_ = false;
};

}  // namespace

std::shared_ptr<loop_observer> observe_for_trace(loop_core& l, std::string path) {
  auto tracer = std::make_shared<run_tracer>(l, std::move(path));
  l.observe(*tracer);
  return tracer;
}

}  // namespace rondo::detail
